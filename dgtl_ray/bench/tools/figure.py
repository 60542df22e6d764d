"""The figures of `bench ablation`, drawn: what a chosen tuning set is worth, what is predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.replay_report import ReplayReport, deviation
from dgtl_ray.bench.tools.watched import Predictions
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.report.page.drawing import COLOURS, figure, graph_objects

_REACH = NormalDist().inv_cdf(0.95)
_HEIGHT = 900
_DASHES = ("solid", "dot")
_LOG = {"type": "log", "exponentformat": "power", "dtick": 1}


@dataclass(frozen=True, kw_only=True)
class TuningSet:
    """What came of one way to choose the tuning set, on one device.

    Attributes:
        device: Name of the recorded task.
        chosen: How, in a word.
        report: The searches.
        errors: Of each search's predictions, by factor, for the fastest part of the space (runs,).
    """

    device: str
    chosen: str
    report: ReplayReport
    errors: FloatArray


def draw(sets: Sequence[TuningSet], told: Mapping[str, Predictions], path: Path) -> None:
    """Write the figure as an HTML page.

    Args:
        sets: At least two ways to choose the tuning set, on each device.
        told: What was predicted of proposals, and measured, by device.
        path: Of the file.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    _page(sets, told).write_html(path, include_plotlyjs="cdn")


def _page(sets: Sequence[TuningSet], told: Mapping[str, Predictions]) -> Any:
    colours = dict(zip(told, COLOURS, strict=False))
    ways = list(dict.fromkeys(one.chosen for one in sets))
    traces = [
        *(_line(one, colours[one.device], _DASHES[ways.index(one.chosen)]) for one in sets),
        *(_bars([one for one in sets if one.chosen == way], k) for k, way in enumerate(ways)),
        *(_cloud(name, one, colours[name]) for name, one in told.items()),
        _diagonal(list(told.values())),
    ]
    return figure(
        *traces,
        title="Tuning set chosen by the deep GP, or drawn at random; predictions of proposals",
        x={"title": {"text": "trials"}, "domain": [0.0, 0.46]},
        y={"title": {"text": "best ÷ optimum, mean"}, "domain": [0.58, 1.0], "type": "log"},
        xaxis2={"domain": [0.58, 1.0], "anchor": "y2"},
        yaxis2={
            "title": {"text": "error, fastest 5 % of the space (factor)"},
            "domain": [0.58, 1.0],
            "anchor": "x2",
            "rangemode": "tozero",
        },
        xaxis3=_LOG | {"title": {"text": "measured, ms"}, "anchor": "y3"},
        yaxis3=_LOG
        | {
            "title": {"text": "predicted, 90 % intervals, ms"},
            "domain": [0.0, 0.44],
            "anchor": "x3",
        },
        height=_HEIGHT,
        legend={"orientation": "v"},
        barmode="group",
    )


def _line(one: TuningSet, colour: str, dash: str) -> Any:
    longest = max(len(run.best_s) for run in one.report.runs)
    trials = list(range(1, longest + 1))
    return graph_objects().Scatter(
        x=trials,
        y=[float(one.report.ratios(after).mean()) for after in trials],
        mode="lines",
        name=f"{one.device}, {one.chosen}",
        line={"color": colour, "dash": dash},
    )


def _bars(sets: Sequence[TuningSet], number: int) -> Any:
    return graph_objects().Bar(
        x=[one.device for one in sets],
        y=[float(one.errors.mean()) for one in sets],
        error_y={"array": [deviation(one.errors) for one in sets]},
        name=f"error, {sets[0].chosen}",
        marker={"color": COLOURS[-1 - number], "opacity": 0.6},
        xaxis="x2",
        yaxis="y2",
    )


def _cloud(name: str, told: Predictions, colour: str) -> Any:
    middle = 1e3 * np.exp(told.mean)
    over, under = np.exp(_REACH * told.std), np.exp(-_REACH * told.std)
    return graph_objects().Scatter(
        x=1e3 * np.exp(told.measured),
        y=middle,
        mode="markers",
        name=f"{name}: {told.held():.0%} inside",
        error_y={"array": middle * (over - 1.0), "arrayminus": middle * (1.0 - under), "width": 0},
        marker={"color": colour},
        opacity=0.6,
        xaxis="x3",
        yaxis="y3",
    )


def _diagonal(told: Sequence[Predictions]) -> Any:
    every = np.concatenate([one.measured for one in told])
    ends = 1e3 * np.exp([every.min(), every.max()])
    return graph_objects().Scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="predicted = measured",
        line={"color": COLOURS[-1]},
        xaxis="x3",
        yaxis="y3",
    )
