"""A user's own function through `Tuner`: the engine, the history and the results."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import dgtl_ray
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import ParquetHistory
from tests.functions import PARAMETERS, RESTRICTIONS, Logged, latency_s, often_failing

pytestmark = pytest.mark.usefixtures("ray_cluster")


def tune(folder: Path, function: Any = latency_s, **changes: Any) -> dgtl_ray.TrialGrid:
    settings: dict[str, Any] = {"num_samples": 20, "search_alg": "random", **changes}
    history = settings.pop("history", ())
    run_config = dgtl_ray.RunConfig(
        name=folder.name, storage_path=folder.parent, stop=settings.pop("stop", None)
    )
    grid: dgtl_ray.TrialGrid = dgtl_ray.Tuner(
        function,
        param_space=PARAMETERS,
        restrictions=RESTRICTIONS,
        tune_config=dgtl_ray.TuneConfig(**settings),
        run_config=run_config,
        history=history,
    ).fit()
    return grid


def test_every_trial_is_a_result_and_a_measurement(tmp_path: Path) -> None:
    grid = tune(tmp_path / "run")
    assert len(grid) == grid.num_terminated == 20
    assert grid.num_errors == 0
    assert len({json.dumps(result.config) for result in grid}) == 20
    assert all(result.config["x"] * result.config["y"] <= 64 for result in grid)
    assert all(result.metrics["latency_s"] == latency_s(dict(result.config)) for result in grid)
    best = grid.get_best_result()
    assert best.metrics["latency_s"] == min(r.metrics["latency_s"] for r in grid)
    rows = ParquetHistory(grid.summary.history).measurements()
    assert sorted(row.cost_s or 0.0 for row in rows) == sorted(
        result.metrics["latency_s"] for result in grid
    )
    frame = grid.get_dataframe()
    assert set(frame["config/mode"]) == {"a", "b"}
    assert grid.experiment_path == str(tmp_path / "run")


def test_a_small_space_is_exhausted(tmp_path: Path) -> None:
    grid = tune(tmp_path / "run", num_samples=100)
    assert len(grid) == grid.summary.trials == 44
    assert grid.get_best_result().config == {"x": 8, "y": 2, "mode": "b"}
    assert grid.summary.ended == "every configuration was measured"


def test_failures_cost_themselves_and_say_why(tmp_path: Path) -> None:
    grid = tune(tmp_path / "run", often_failing, num_samples=100, trial_timeout_s=1.0)
    rows = ParquetHistory(grid.summary.history).measurements()
    assert Counter(row.status for row in rows) == {
        Status.OK: 24,
        Status.RUN_ERROR: 18,
        Status.RUN_TIMEOUT: 2,
    }
    told = " ".join(str(error) for error in grid.errors)
    for words in ("too small", "return a number, or a dict", "process ended", "within 1 s"):
        assert words in told
    assert grid.get_best_result("gflops", "max").config == {"x": 8, "y": 2, "mode": "b"}


@pytest.mark.parametrize("mode", ["min", "max"])
def test_any_metric_either_way(tmp_path: Path, mode: str) -> None:
    def score(config: dict[str, Any]) -> dict[str, float]:
        return {"score": config["x"] - 10.0 * config["y"]}

    grid = tune(tmp_path / "run", score, metric="score", mode=mode, num_samples=42)
    scores = [result.metrics["score"] for result in grid]
    best = min(scores) if mode == "min" else max(scores)
    assert grid.get_best_result().metrics["score"] == best
    assert grid.summary.best is not None
    assert grid.summary.best["metrics"]["score"] == best


def test_a_run_stops_at_a_metric(tmp_path: Path) -> None:
    grid = tune(tmp_path / "run", num_samples=42, stop={"latency_s": 1.5e-3})
    assert len(grid) < 42
    assert "latency_s reached" in grid.summary.ended


def test_a_restored_run_measures_nothing_twice(tmp_path: Path) -> None:
    function = Logged(tmp_path / "calls")
    tune(tmp_path / "run", function, num_samples=10, acquisition="thompson")
    (tmp_path / "run").rename(tmp_path / "moved")
    tuner = dgtl_ray.Tuner.restore(
        tmp_path / "moved",
        function,
        tune_config=dgtl_ray.TuneConfig(num_samples=25),
    )
    grid = tuner.fit()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(grid) == len(calls) == len(set(calls)) == 25
    assert json.loads((tmp_path / "moved" / "run.json").read_text())["acquisition"] == "thompson"


@pytest.mark.parametrize("asked", ["resume_errored", "restart_errored"])
def test_what_failed_is_tried_again_where_it_is_asked_for(tmp_path: Path, asked: str) -> None:
    tune(tmp_path / "run", often_failing, num_samples=100, trial_timeout_s=1.0)
    again: Any = {asked: True}
    tuner = dgtl_ray.Tuner.restore(
        tmp_path / "run",
        latency_s,
        **again,
        tune_config=dgtl_ray.TuneConfig(num_samples=100),
    )
    grid = tuner.fit()
    assert len(grid) == 44 + 20
    assert [result.error for result in grid[44:]] == [None] * 20


def test_what_was_asked_for_is_never_left_out(tmp_path: Path) -> None:
    tune(tmp_path / "run", num_samples=2)
    with pytest.raises(InputError, match="resume_unfinished=False would leave out"):
        dgtl_ray.Tuner.restore(tmp_path / "run", latency_s, resume_unfinished=False)


def test_another_functions_history_is_transferred(tmp_path: Path) -> None:
    first = tune(tmp_path / "first", num_samples=42)

    def slower(config: dict[str, Any]) -> float:
        return 3 * latency_s(config)

    grid = tune(
        tmp_path / "second",
        slower,
        num_samples=12,
        search_alg="dgtl",
        history=[first.summary.history],
    )
    assert grid.get_best_result().config == {"x": 8, "y": 2, "mode": "b"}


def test_a_network_is_tuned_for_latency_only() -> None:
    with pytest.raises(InputError, match="a network is tuned for latency_s"):
        dgtl_ray.Tuner("resnet18", tune_config=dgtl_ray.TuneConfig(metric="score"))


def test_a_function_that_no_worker_can_load_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be called with a configuration"):
        tune(tmp_path / "run", 7)
