"""What a search's model foretold, beside what came."""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.measurement import Measurement
from dgtl_ray.report.page.drawing import MUTED, figure, graph_objects, note, some
from dgtl_ray.report.page.run_data import RunData, read_run

# Probabilities of central intervals.
_LEVELS = np.arange(5, 100, 5) / 100
_NOTHING = "the search that ran predicts nothing"


def plot_predictions(run: str | RunData) -> Any:
    """What was predicted when a trial was proposed, against what was measured.

    Latencies are in ms; another objective of a function's has its own name and numbers.
    """
    title = "Predicted when it was proposed, against measured"
    data = read_run(run)
    rows = _predicted(data)
    if not rows:
        return note(_NOTHING, title)
    (held,) = _coverage(rows, np.array([0.9]))
    told = some(rows)
    cost, mean, _ = _columns(told)
    measured, predicted = (data.quantity.shown(one, "ms") for one in (cost, np.exp(mean)))
    ends = np.array([measured.min(), measured.max()])
    scatter, label = graph_objects().Scatter, data.quantity.label("ms")
    return figure(
        scatter(
            x=measured,
            y=predicted,
            mode="markers",
            name=f"trials; {held:.0%} within their 90 % intervals",
            marker={"size": 4, "opacity": 0.5},
            text=[row.task for row in told],
        ),
        scatter(x=ends, y=ends, mode="lines", name="predicted = measured"),
        title=title,
        x=data.quantity.axis(measured, f"measured {label}"),
        y=data.quantity.axis(predicted, f"predicted {label}"),
    )


def plot_calibration(run: str | RunData) -> Any:
    """How many trials lie within their predicted intervals, for intervals of every probability.

    Below the diagonal the model is too sure of itself, above it too cautious. In per cent.
    """
    title = "Calibration: trials within their predicted intervals"
    rows = _predicted(read_run(run))
    if not rows:
        return note(_NOTHING, title)
    scatter, ends = graph_objects().Scatter, [0, 100]
    held = scatter(
        x=100 * _LEVELS,
        y=100 * _coverage(rows, _LEVELS),
        mode="lines+markers",
        name=f"{len(rows)} trials",
    )
    return figure(
        held,
        scatter(x=ends, y=ends, mode="lines", name="calibrated", line={"color": MUTED}),
        title=title,
        x={"title": {"text": "probability of the interval, %"}, "range": ends},
        y={"title": {"text": "trials within it, %"}, "range": ends},
    )


def _predicted(data: RunData) -> list[Measurement]:
    return [
        row
        for row in data.searched
        if row.cost_s is not None
        and row.predicted_mean is not None
        and row.predicted_std is not None
    ]


def _coverage(rows: Sequence[Measurement], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of trials (n,) within the central interval of each probability (n,)."""
    cost, mean, std = _columns(rows)
    reach = np.array([NormalDist().inv_cdf(0.5 + level / 2) for level in levels])
    inside = np.abs(np.log(cost) - mean) <= reach[:, None] * std
    share: NDArray[np.float64] = inside.mean(axis=1)
    return share


def _columns(rows: Sequence[Measurement]) -> tuple[NDArray[np.float64], ...]:
    """Measured costs, means and standard deviations of their logarithms (n,)."""
    told = [(row.cost_s, row.predicted_mean, row.predicted_std) for row in rows]
    return tuple(np.array(told, dtype=np.float64).T)
