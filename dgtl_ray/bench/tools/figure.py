"""Predicted against measured latencies, drawn."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dgtl_ray.bench.tools.watched import Predictions
from dgtl_ray.core.errors import MissingExtraError

# Half-width of a central 90 % interval in standard deviations.
_REACH = 1.645


def draw_predictions(told: Mapping[str, Predictions], path: Path) -> None:
    """Write an HTML page with one cloud of points, and 90 % intervals, for each target.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    try:
        from plotly import graph_objects
    except ImportError as error:
        raise MissingExtraError("drawing", "report") from error
    clouds = [_cloud(graph_objects.Scatter, name, one) for name, one in told.items()]
    every = np.concatenate([one.measured for one in told.values()])
    ends = 1e3 * np.exp([every.min(), every.max()])
    line = graph_objects.Scatter(x=ends, y=ends, mode="lines", name="predicted = measured")
    axis = {"type": "log", "exponentformat": "power"}
    page = graph_objects.Figure(
        [*clouds, line],
        layout={
            "title": "Latency as proposed: predicted (90 % intervals) against measured",
            "xaxis": axis | {"title": "measured, ms"},
            "yaxis": axis | {"title": "predicted, ms"},
        },
    )
    page.write_html(path, include_plotlyjs="cdn")


def _cloud(scatter: type, name: str, told: Predictions) -> object:
    middle = 1e3 * np.exp(told.mean)
    over, under = np.exp(_REACH * told.std), np.exp(-_REACH * told.std)
    return scatter(
        x=1e3 * np.exp(told.measured),
        y=middle,
        mode="markers",
        name=f"{name}: {told.held():.0%} inside",
        error_y={"array": middle * (over - 1.0), "arrayminus": middle * (1.0 - under), "width": 0},
        opacity=0.6,
    )
