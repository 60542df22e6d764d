"""What a Ray Tune user writes, on a function: names, callbacks, loggers, failures, results."""

import csv
import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem

import dgtl_ray
from dgtl_ray.core.errors import InputError, TrialError
from tests.functions import PARAMETERS, Flaky, chatty, latency_s, often_failing

pytestmark = pytest.mark.usefixtures("ray_cluster")


def tuner(folder: Path, function: Any = latency_s, **changes: Any) -> dgtl_ray.Tuner:
    tune_names = ("num_samples", "max_concurrent_trials", "time_budget_s", "trial_timeout_s")
    given = {name: changes.pop(name) for name in tune_names if name in changes}
    space = changes.pop("param_space", PARAMETERS)
    return dgtl_ray.Tuner(
        function,
        param_space=space,
        tune_config=dgtl_ray.TuneConfig(search_alg="random", **{"num_samples": 6, **given}),
        run_config=dgtl_ray.RunConfig(
            **{"name": folder.name, "storage_path": folder.parent, **changes}
        ),
    )


class Hooks:
    """Notes which hooks are called, in turn; no subclass of anything."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.results: list[dict[str, Any]] = []

    def setup(self, **info: Any) -> None:
        self.called.append(f"setup of {info['num_samples']}")

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.called.append(f"start {trial.trial_id[-1]}")

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.results.append(result)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.called.append(f"complete {trial.trial_id[-1]}")

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.called.append(f"error {trial.error_msg}")

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.called.append("recover")

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        self.called.append(f"end of {len(trials)}")


def test_hooks_are_called_in_turn_with_what_the_trial_told(tmp_path: Path) -> None:
    hooks = Hooks()
    running = tuner(tmp_path / "run", num_samples=2, max_concurrent_trials=1, callbacks=[hooks])
    grid = running.fit()
    assert hooks.called[0] == "setup of 2"
    assert hooks.called[-1] == "end of 2"
    assert sorted(hooks.called[1:-1]) == ["complete 0", "complete 1", "start 0", "start 1"]
    assert hooks.called.index("start 0") < hooks.called.index("complete 0")
    told = {result["trial_id"]: result for result in hooks.results}
    for result in grid:
        seen = told[result.metrics["trial_id"]]
        assert seen["latency_s"] == result.metrics["latency_s"]
        assert seen["config"] == result.config
    assert running.get_results() is grid


def test_loggers_of_ray_tune_write_what_they_write_there(tmp_path: Path) -> None:
    from ray.tune.logger import CSVLoggerCallback, JsonLoggerCallback, TBXLoggerCallback

    loggers = [CSVLoggerCallback(), JsonLoggerCallback(), TBXLoggerCallback()]
    grid = tuner(tmp_path / "run", num_samples=2, callbacks=loggers).fit()
    for result in grid:
        folder = tmp_path / "run" / "trials" / result.metrics["trial_id"]
        (row,) = csv.DictReader((folder / "progress.csv").open())
        assert float(row["latency_s"]) == result.metrics["latency_s"]
        assert json.loads((folder / "params.json").read_text()) == result.config
        line = json.loads((folder / "result.json").read_text())
        assert line["latency_s"] == result.metrics["latency_s"]
        assert len(list(folder.glob("events.out.tfevents*"))) == 1


@pytest.mark.long
def test_mlflow_knows_every_trial(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    logger = MLflowLoggerCallback(tracking_uri=uri, experiment_name="kernel")
    grid = tuner(tmp_path / "run", num_samples=2, callbacks=[logger]).fit()
    client = mlflow.tracking.MlflowClient(uri)
    experiment = client.get_experiment_by_name("kernel")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.metrics["latency_s"] for run in runs) == sorted(
        result.metrics["latency_s"] for result in grid
    )
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_callback_that_raises_ends_the_run_and_is_named(tmp_path: Path) -> None:
    broken = SimpleNamespace(on_trial_complete=lambda **info: 1 / 0)
    with pytest.raises(InputError, match="SimpleNamespace raised in on_trial_complete"):
        tuner(tmp_path / "run", callbacks=[broken]).fit()


def test_a_reporter_of_ray_tune_is_shown_the_trials(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ray.tune import CLIReporter
    from ray.tune.utils.log import set_verbosity

    set_verbosity(0)  # as a run of Ray Tune before it may have left it
    reporter = CLIReporter(metric_columns=["latency_s"], parameter_columns=["x"])
    tuner(tmp_path / "run", num_samples=2, progress_reporter=reporter).fit()
    assert "TERMINATED" in capsys.readouterr().out


@pytest.mark.parametrize("verbose", [None, 0, 1])
def test_a_run_is_as_quiet_as_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], verbose: int | None
) -> None:
    tuner(tmp_path / "run", num_samples=2, verbose=verbose).fit()
    assert bool(capfd.readouterr().out) == bool(verbose)


def test_a_trial_that_fails_is_tried_again_as_often_as_is_said(tmp_path: Path) -> None:
    from ray.tune import FailureConfig

    hooks = Hooks()
    grid = tuner(
        tmp_path / "run",
        Flaky(tmp_path),
        num_samples=3,
        failure_config=FailureConfig(max_failures=1),
        callbacks=[hooks],
    ).fit()
    assert (grid.num_terminated, grid.num_errors) == (3, 0)
    assert hooks.called.count("recover") == 3


@pytest.mark.parametrize("fail_fast", [True, "raise"])
def test_a_failure_ends_the_run_where_that_is_said(tmp_path: Path, fail_fast: bool | str) -> None:
    from ray.tune import FailureConfig

    running = tuner(
        tmp_path / "run",
        often_failing,
        param_space={"x": [1], "y": list(range(50)), "mode": ["a"]},
        num_samples=50,
        failure_config=FailureConfig(fail_fast=fail_fast),
    )
    if fail_fast is True:
        grid = running.fit()
        assert len(grid) < 50
        assert "too small" in grid.summary.ended
    else:
        with pytest.raises(TrialError, match="too small"):
            running.fit()


def test_what_a_function_prints_is_kept(tmp_path: Path) -> None:
    (result,) = tuner(tmp_path / "run", chatty, num_samples=1, log_to_file=True).fit()
    folder = tmp_path / "run" / "trials" / result.metrics["trial_id"]
    assert (folder / "stdout").read_text() == f"said {result.config['x']}\n"
    assert (folder / "stderr").read_text() == "wrote\n"


def test_resources_parameters_and_reports_of_ray_tune_are_understood(tmp_path: Path) -> None:
    from ray import tune

    def reporting(config: dict[str, Any], *, factor: float) -> None:
        tune.report({"latency_s": 1.0})
        tune.report({"latency_s": factor * latency_s(config), "other": "text"})

    function = tune.with_resources(tune.with_parameters(reporting, factor=3.0), {"cpu": 0.5})
    grid = tuner(tmp_path / "run", function, num_samples=4).fit()
    for result in grid:
        assert result.metrics["latency_s"] == 3.0 * latency_s(dict(result.config))


def test_a_function_may_import_ray_tune_when_it_is_called(tmp_path: Path) -> None:
    def reporting(config: dict[str, Any]) -> None:
        from ray import tune

        tune.report({"latency_s": latency_s(config)})

    grid = tuner(tmp_path / "run", reporting, num_samples=4).fit()
    assert (grid.num_terminated, grid.num_errors) == (4, 0)


def test_a_run_lives_in_a_filesystem_that_is_handed_over(tmp_path: Path) -> None:
    from pyarrow.fs import SubTreeFileSystem

    inside = SubTreeFileSystem(str(tmp_path), LocalFileSystem())
    place = partial(tuner, Path("/runs/one"), storage_filesystem=inside)
    grid = place(num_samples=3, callbacks=[Hooks()]).fit()
    assert (tmp_path / "runs" / "one" / "run.json").exists()
    assert dgtl_ray.Tuner.can_restore("/runs/one", storage_filesystem=inside)
    assert not dgtl_ray.Tuner.can_restore("/runs/two", storage_filesystem=inside)
    again = dgtl_ray.Tuner.restore("/runs/one", latency_s, storage_filesystem=inside)
    assert [result.metrics for result in again.get_results()] == [r.metrics for r in grid]
    assert grid.filesystem is inside


def test_a_time_budget_may_be_a_timedelta_and_trials_without_end(tmp_path: Path) -> None:
    grid = tuner(
        tmp_path / "run",
        param_space={"x": [1, 2], "y": [1], "mode": ["a"]},
        num_samples=-1,
        time_budget_s=timedelta(minutes=2),
    ).fit()
    assert len(grid) == 2


def test_results_are_asked_for_as_in_ray_tune(tmp_path: Path) -> None:
    grid = tuner(tmp_path / "run", num_samples=4).fit()
    best = grid.get_best_result("latency_s", "max", scope="all", filter_nan_and_inf=False)
    assert best.metrics["latency_s"] == max(r.metrics["latency_s"] for r in grid)
    assert list(best.metrics_dataframe["trial_id"]) == [best.metrics["trial_id"]]
    assert len(grid.get_dataframe(filter_metric="latency_s", filter_mode="min")) == 4
    with pytest.raises(InputError, match="choose one of all, last"):
        grid.get_best_result(scope="first")


def test_without_results_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="call fit"):
        tuner(tmp_path / "run").get_results()
