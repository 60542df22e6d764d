"""One layer's design space, as its trials saw it."""

from typing import Any

import numpy as np

from dgtl_ray.core.measurement import Stage
from dgtl_ray.report.page.drawing import (
    COLOURS,
    FINE,
    MUTED,
    dress,
    figure,
    graph_objects,
    note,
    some,
)
from dgtl_ray.report.page.knob_values import KnobTable
from dgtl_ray.report.page.quantity import Quantity
from dgtl_ray.report.page.run_data import RunData, read_run
from dgtl_ray.space.table_knob import Level

_MOST_KNOBS = 8
_FEWEST = 8
_MOST_TICKS = 8
# Of a tick's name.
_CHARACTER_PX = 6


def plot_param_importances(run: str | RunData, *, layer: str | None = None) -> Any:
    """Which knobs of a layer matter: the share of log-latency's variance that each tells apart.

    Of a function with another metric it is that of asinh(metric), which a search makes small or
    large.
    """
    table, name, quantity = _table(run, layer)
    title = f"Knobs that matter: {name}"
    if len(table.rows) < _FEWEST:
        return note("too few trials ran to say", title)
    shares = list(table.shares().items())[::-1]
    bars = graph_objects().Bar(
        x=[100 * share for _, share in shares],
        y=[knob for knob, _ in shares],
        orientation="h",
        marker_color=FINE,
    )
    return figure(bars, title=title, x=f"{quantity.log_name}'s variance, %")


def plot_parallel_coordinate(run: str | RunData, *, layer: str | None = None) -> Any:
    """A layer's trials as lines through their knobs, coloured by latency or a function's metric."""
    table, name, quantity = _table(run, layer)
    title = f"Configurations: {name}"
    if len(table.rows) < _FEWEST:
        return note("too few trials ran to say", title)
    knobs = list(table.shares())[:_MOST_KNOBS]
    axes = [_coordinate(knob, table.values[knob]) for knob in knobs]
    label, shown = quantity.scale(table.cost_s, "us")
    axes.append({"label": label, "values": shown})
    widest = max(map(len, axes[0]["ticktext"]))
    lines = graph_objects().Parcoords(
        dimensions=axes,
        line={
            "color": shown,
            "colorscale": "Viridis",
            "showscale": True,
            "colorbar": {"title": {"text": label.rpartition(", ")[2]}},
        },
        labelangle=-12,
        rangefont={"color": "rgba(0, 0, 0, 0)"},
    )
    # Plotly leaves no room for the names at the first axis by itself.
    margin = {"l": 24 + _CHARACTER_PX * widest, "r": 40, "t": 110, "b": 40}
    return figure(lines, title=title, margin=margin, height=480)


def plot_slice(run: str | RunData, *, layer: str | None = None) -> Any:
    """Latency by the values of each of the knobs of a layer that matter most, in microseconds.

    Of a function with another metric it is that.
    """
    from plotly.subplots import make_subplots

    table, name, quantity = _table(run, layer)
    title = f"Knob by knob: {name}"
    if len(table.rows) < _FEWEST:
        return note("too few trials ran to say", title)
    knobs = list(table.shares())[:4]
    shown = quantity.shown(table.cost_s, "us")
    grid = make_subplots(rows=1, cols=len(knobs), shared_yaxes=True)
    for column, knob in enumerate(knobs, start=1):
        values, ticks = _ordered(table.values[knob])
        dots = graph_objects().Scatter(
            x=values,
            y=shown,
            mode="markers",
            showlegend=False,
            marker={"size": 4, "opacity": 0.5, "color": FINE},
        )
        grid.add_trace(dots, row=1, col=column)
        axis = {"title": {"text": knob}, "tickangle": 90, **_ticks(ticks)}
        grid.update_xaxes(axis, row=1, col=column)
    dress(grid, title, 420)
    axis = quantity.axis(shown, quantity.label("us"))
    grid.update_yaxes(type=axis["type"])
    grid.update_yaxes(axis, row=1, col=1)
    return grid


def plot_tuning_set(run: str | RunData, *, layer: str | None = None) -> Any:
    """Where in a layer's design space its tuning set lies, and the search after it.

    Encodings on their two principal axes.
    """
    trials = read_run(run).layer(layer)
    rows = some([row for row in trials if row.encoding])
    title = f"Tuning set in the design space: {trials[0].task}"
    widths = {len(row.encoding) for row in rows}
    if len(rows) < _FEWEST or len(widths) != 1:
        return note("too few trials were encoded to say", title)
    encoding = np.array([row.encoding for row in rows])
    spread = encoding.std(axis=0)
    scaled = (encoding - encoding.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    axes = np.linalg.svd(scaled, full_matrices=False)[2][:2]
    place = scaled @ axes.T
    traces = []
    for stage, name, colour in (
        (Stage.SEARCH, "search", MUTED),
        (Stage.TUNING_SET, "tuning set", COLOURS[1]),
    ):
        chosen = np.array([row.stage is stage for row in rows])
        traces.append(
            graph_objects().Scatter(
                x=place[chosen, 0],
                y=place[chosen, 1],
                mode="markers",
                name=name,
                marker={"size": 6, "color": colour},
                text=[row.config for row, here in zip(rows, chosen, strict=True) if here],
            )
        )
    return figure(
        *traces,
        title=title,
        x="first principal axis of the encodings",
        y="second principal axis",
    )


def telling_layers(run: RunData, most: int) -> list[str]:
    """Workload keys of the layers that take most of an inference and ran often enough to be drawn.

    Where none did, the one that takes most.
    """
    told = [key for key, rows in run.layers.items() if len(KnobTable(some(rows)).rows) >= _FEWEST]
    return (told or list(run.layers))[: most if told else 1]


def _table(run: str | RunData, layer: str | None) -> tuple[KnobTable, str, Quantity]:
    data = read_run(run)
    rows = data.layer(layer)
    return KnobTable(some(rows)), rows[0].task, data.quantity


def _coordinate(knob: str, values: list[Level]) -> dict[str, Any]:
    """A vertical axis; values that are names stand in their order."""
    places, ticks = _ordered(values)
    return {"label": knob, "values": places, **_ticks(ticks)}


def _ticks(names: list[str]) -> dict[str, list[Any]]:
    """Where an axis of places is named: at every place, or at as many as can be read."""
    places = list(range(0, len(names), -(-len(names) // _MOST_TICKS)))
    return {"tickvals": places, "ticktext": [names[place] for place in places]}


def _ordered(values: list[Level]) -> tuple[list[int], list[str]]:
    """The place of each value among the distinct ones in order, and what those are called."""
    distinct = sorted(set(values), key=_rank)
    place = {value: k for k, value in enumerate(distinct)}
    return [place[value] for value in values], [str(value) for value in distinct]


def _rank(value: Level) -> tuple[bool, float, str]:
    """Where a value stands: numbers by size, then names, and None among them."""
    if isinstance(value, bool | int | float):
        return False, value, ""
    return True, 0.0, str(value)
