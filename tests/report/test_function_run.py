"""Figures of a function's run: its metric's own name and numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray import report as page
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.report.page.knob_values import KnobTable
from tests.report.runs import call, write_run

SPEED = Objective(metric="gflops", mode="max")
LOSS = Objective(metric="loss", mode="min")


def calls(objective: Objective, values: list[float]) -> list[Measurement]:
    return [call(k, objective, value) for k, value in enumerate(values)]


@pytest.fixture
def run(tmp_path: Path) -> str:
    best = {"metrics": {"gflops": 46.0}}
    result = {"metric": "gflops", "mode": "max", "best": best, "device": "two cores"}
    speeds = [20.0 + 4 * (k % 4) + k % 3 + 20 * (k == 5) for k in range(16)]  # the sixth is 46
    return write_run(tmp_path / "run", calls(SPEED, speeds), result=result)


def test_figures_show_the_metric_and_no_latency(run: str, tmp_path: Path) -> None:
    history = page.plot_optimization_history(run)
    assert history.layout.yaxis.title.text == "best gflops"
    assert list(history.data[0].y)[-1] == pytest.approx(46.0)
    predictions = page.plot_predictions(run)
    assert predictions.layout.xaxis.title.text == "measured gflops"
    assert list(predictions.data[0].x) == pytest.approx(list(predictions.data[0].y))
    assert max(predictions.data[0].x) == pytest.approx(46.0)
    slices = page.plot_slice(run)
    assert slices.layout.yaxis.title.text == "gflops"
    assert max(slices.data[0].y) == pytest.approx(46.0)
    axis = page.plot_parallel_coordinate(run).data[0].dimensions[-1]
    assert (axis.label, max(axis["values"])) == ("gflops", pytest.approx(46.0))
    importances = page.plot_param_importances(run)
    assert importances.layout.xaxis.title.text == "asinh(gflops)'s variance, %"
    assert page.plot_tuning_set(run).layout.title.text.endswith(": kernel")
    page.write_page([run], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<th>best</th><td>gflops 46</td>" in text
    assert "latency" not in text


def test_numbers_below_zero_have_no_axis_of_logarithms(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", calls(LOSS, [3.0, -1.0, 0.0, 2.0, -4.0, 1.0, 1.0, 1.0]))
    history = page.plot_optimization_history(run)
    assert history.layout.yaxis.type == "linear"
    assert list(history.data[0].y) == pytest.approx([3, -1, -1, -1, -4, -4, -4, -4])
    assert page.plot_slice(run).layout.yaxis.type == "linear"


def test_another_time_is_a_time(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", calls(Objective(metric="epoch_s"), [0.25, 0.5]))
    history = page.plot_optimization_history(run)
    assert history.layout.yaxis.title.text == "best epoch, ms"
    assert list(history.data[0].y) == [250.0, 250.0]


def test_costs_that_no_metric_explains_have_no_unit(tmp_path: Path) -> None:
    rows = [replace(row, metrics={"other": 7.0}) for row in calls(SPEED, [1.0] * 8)]
    run = write_run(tmp_path / "run", rows)
    assert page.plot_optimization_history(run).layout.yaxis.title.text == "best cost (no unit)"
    assert page.plot_slice(run).layout.yaxis.title.text == "cost (no unit)"
    assert "best cost (no unit)" in page.comparison_rows([run])[0]


def test_runs_of_unlike_metrics_share_only_costs(run: str, tmp_path: Path) -> None:
    (row,) = page.comparison_rows([run])
    assert row["best gflops"] == pytest.approx(46.0)
    assert "layers (ms)" not in row
    other = write_run(tmp_path / "other", calls(LOSS, [3.0]))
    assert page.plot_optimization_history([run, other]).layout.yaxis.title.text == (
        "best cost (no unit)"
    )
    costs = [row["best cost (no unit)"] for row in page.comparison_rows([run, other])]
    assert costs == pytest.approx([SPEED.cost_of(46.0), LOSS.cost_of(3.0)])


def test_any_value_of_a_knob_is_drawn(tmp_path: Path) -> None:
    """None beside numbers, and what only another tuner's knobs take."""
    values: list[Any] = ["null", "3", '"a"', "true", "[1, 2]", '{"deep": [1]}', "2.5", "[null]"]
    rows = [call(k, SPEED, 2.0 + k, f'{{"knob": {value}}}') for k, value in enumerate(values)]
    run = write_run(tmp_path / "run", rows)
    axis = page.plot_slice(run).layout.xaxis
    assert list(axis.ticktext) == [
        *("True", "2.5", "3"),
        *("1 × 2", "None", "[null]", "a", '{"deep": [1]}'),
    ]
    places = page.plot_slice(run).data[0].x
    assert np.array_equal(np.sort(places), np.arange(8))
    assert page.plot_parallel_coordinate(run).data[0].dimensions[0].label == "knob"
    assert page.write_page([run], tmp_path / "page.html") > 0


def test_a_parameter_may_have_a_name_that_layers_use_for_something_else(tmp_path: Path) -> None:
    configs = [f'{{"sketch": {k % 3}, "algorithm": {k % 2}}}' for k in range(12)]
    rows = [call(k, SPEED, 1.0 + k % 2, config) for k, config in enumerate(configs)]
    run = write_run(tmp_path / "run", rows)
    assert list(KnobTable(page.read_run(run).layer(None)).shares()) == ["algorithm", "sketch"]
