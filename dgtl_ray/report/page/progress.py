"""How a search went: best so far, predictions, failures, what ran when."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.report.page.drawing import FAILED, FINE, figure, graph_objects, note, some
from dgtl_ray.report.page.run_data import RunData, read_run

# Half-width of a central 90 % interval, in standard deviations.
_REACH = 1.645


def plot_optimization_history(
    run: str | RunData | Sequence[str | RunData], *, over: str = "trials"
) -> Any:
    """The sum of the layers' best latencies so far, by trials or by seconds of search.

    Args:
        run: One run, or several to stand beside one another.
        over: `trials` or `seconds`.

    Raises:
        InputError: `over` is neither.
    """
    if over not in ("trials", "seconds"):
        raise InputError(f"over is {over!r}: choose trials or seconds")
    runs = [run] if isinstance(run, str | RunData) else list(run)
    lines = []
    for data in map(read_run, runs):
        best_s = best_so_far(data)
        x = np.arange(1, len(best_s) + 1) if over == "trials" else data.seconds
        lines.append(
            graph_objects().Scatter(
                x=x, y=1e3 * best_s, name=data.name, mode="lines", line={"shape": "hv"}
            )
        )
    title = {"trials": "trials", "seconds": "seconds of search"}[over]
    return figure(
        *lines,
        title=f"Best so far, over {title}",
        x=title,
        y={"title": {"text": "layers' best, summed, ms"}, "type": "log"},
    )


def best_so_far(data: RunData) -> NDArray[np.float64]:
    """Seconds (n,) of one inference by the best after each trial; NaN before all layers ran."""
    best: dict[str, float] = {}
    weights = {key: rows[0].weight for key, rows in data.layers.items()}
    sums = []
    for row in data.searched:
        if row.cost_s is not None:
            best[row.workload_key] = min(best.get(row.workload_key, np.inf), row.cost_s)
        complete = len(best) == len(weights)
        sums.append(sum(weights[key] * s for key, s in best.items()) if complete else np.nan)
    return np.array(sums, dtype=np.float64)


def plot_predictions(run: str | RunData) -> Any:
    """Latency as it was predicted when a trial was proposed, against what was measured, in ms."""
    title = "Predicted when it was proposed, against measured"
    rows = [
        row
        for row in read_run(run).searched
        if row.cost_s is not None
        and row.predicted_mean is not None
        and row.predicted_std is not None
    ]
    if not rows:
        return note("the search that ran predicts nothing", title)
    measured, mean, std = _predictions(rows)
    held = float(np.mean(np.abs(np.log(measured) - mean) <= _REACH * std))
    rows = some(rows)
    measured, mean, _ = _predictions(rows)
    ends = 1e3 * np.array([measured.min(), measured.max()])
    scatter = graph_objects().Scatter
    axis = {"type": "log"}
    return figure(
        scatter(
            x=1e3 * measured,
            y=1e3 * np.exp(mean),
            mode="markers",
            name=f"trials; {held:.0%} within their 90 % intervals",
            marker={"size": 4, "opacity": 0.5},
            text=[row.task for row in rows],
        ),
        scatter(x=ends, y=ends, mode="lines", name="predicted = measured"),
        title=title,
        x={"title": {"text": "measured, ms"}, **axis},
        y={"title": {"text": "predicted, ms"}, **axis},
    )


def _predictions(rows: Sequence[Measurement]) -> tuple[NDArray[np.float64], ...]:
    """Measured latencies in seconds, means and standard deviations of their logarithms (n,)."""
    told = [(row.cost_s, row.predicted_mean, row.predicted_std) for row in rows]
    return tuple(np.array(told, dtype=np.float64).T)


def plot_failures(run: str | RunData) -> Any:
    """Trials by how they ended."""
    title = "Failures by kind"
    counts = Counter(row.status for row in read_run(run).rows if row.status is not Status.OK)
    if not counts:
        return note("no trial failed", title)
    kinds, numbers = zip(*counts.most_common(), strict=True)
    bars = graph_objects().Bar(x=list(map(str, kinds)), y=numbers, marker_color=FAILED)
    return figure(bars, title=title, x="how it ended", y="trials", height=320)


def plot_timeline(run: str | RunData) -> Any:
    """Latency of each trial when it was measured, by device, in minutes from the first."""
    title = "Trials as they came in"
    rows = read_run(run).searched
    if not rows:
        return note("nothing is measured yet", title)
    start = min(row.created_at for row in rows)
    traces = []
    for name, colour, fine in (("ok", FINE, True), ("failed", FAILED, False)):
        shown = some([row for row in rows if (row.cost_s is not None) is fine])
        traces.append(
            graph_objects().Scatter(
                x=[(row.created_at - start).total_seconds() / 60 for row in shown],
                y=[row.build_s + row.timing_s for row in shown],
                mode="markers",
                name=name,
                marker={"size": 4, "opacity": 0.6, "color": colour},
                text=[f"{row.task} on {row.device_key}" for row in shown],
            )
        )
    return figure(
        *traces,
        title=title,
        x="minutes from the first",
        y={"title": {"text": "building and timing, s"}, "type": "log"},
    )
