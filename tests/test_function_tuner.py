"""A user's own function through `Tuner`: the engine, the history and the results."""

import json
import os
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dgtl_ray
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DgtlError, InputError, TrialError
from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.layer import Candidate, Transfer
from dgtl_ray.engine.layers import LayerActors
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run import function_run
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.space.parameters.reading import read_parameters
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from tests.functions import (
    PARAMETERS,
    RESTRICTIONS,
    Logged,
    is_first_call,
    latency_s,
    often_failing,
)

pytestmark = pytest.mark.usefixtures("ray_cluster")

# Settings of a run, beside those of its search.
OF_RUN = ("stop", "address", "monitor", "failure_config")


def tune(folder: Path, function: Any = latency_s, **changes: Any) -> dgtl_ray.TrialGrid:
    settings: dict[str, Any] = {"num_samples": 20, "search_alg": "random", **changes}
    history = settings.pop("history", ())
    of_run = {name: settings.pop(name) for name in OF_RUN if name in settings}
    run_config = dgtl_ray.RunConfig(name=folder.name, storage_path=folder.parent, **of_run)
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
    assert all(row.repeats_s == (row.cost_s,) for row in rows)
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
    rows = ParquetHistory(grid.summary.history).measurements()
    assert all(row.cost_s is not None and row.cost_s > 0 for row in rows)
    assert {row.repeats_s for row in rows} == {()}  # a score is no time


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


def test_what_is_not_allowed_any_more_is_not_called(tmp_path: Path) -> None:
    """As where a run is killed, and goes on with tighter restrictions."""
    function = Logged(tmp_path / "calls")
    tune(tmp_path / "run", function, num_samples=2)
    called = (tmp_path / "calls").read_text()
    configs = [{"x": x, "y": y, "mode": "a"} for x in (16, 8) for y in (1, 2, 3)]
    forbidden, *_, allowed = (config for config in configs if str(config) not in called)
    folder = RunFolder(tmp_path / "run")
    state = folder.read()
    asked = AskedTrials(folder.asked(state.run_id))
    key = (state.network_hash, read_parameters(PARAMETERS, RESTRICTIONS).key)
    asked.open([key], set(), lambda _layer, _config: True)
    pending = [Candidate.bare(json.dumps(one), Stage.SEARCH) for one in (forbidden, allowed)]
    asked.append(0, pending)
    restored = dgtl_ray.Tuner.restore(
        tmp_path / "run",
        function,
        restrictions=[*RESTRICTIONS, "x < 16"],
        tune_config=dgtl_ray.TuneConfig(num_samples=4),
    )
    assert len(restored.fit()) == 4
    called = (tmp_path / "calls").read_text()
    assert str(allowed) in called
    assert str(forbidden) not in called


def test_where_the_budget_is_spent_nothing_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune(tmp_path / "run", num_samples=2)
    learned: list[str] = []
    monkeypatch.setattr(function_run.FunctionRun, "_learn", lambda *_: learned.append("again"))
    assert len(dgtl_ray.Tuner.restore(tmp_path / "run", latency_s).fit()) == 2
    assert not learned


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


def test_what_failed_is_tried_again_within_the_runs_own_budget(tmp_path: Path) -> None:
    failed = tune(tmp_path / "run", often_failing, num_samples=20, trial_timeout_s=1.0).num_errors
    assert failed
    grid = dgtl_ray.Tuner.restore(tmp_path / "run", latency_s, resume_errored=True).fit()
    assert len(grid) == 20 + failed
    assert [result.error for result in grid[20:]] == [None] * failed
    # The budget is spent: what was tried again is one trial of it.
    assert len(dgtl_ray.Tuner.restore(tmp_path / "run", latency_s).fit()) == 20 + failed


def test_with_other_values_no_trial_has_the_number_of_another(tmp_path: Path) -> None:
    tune(tmp_path / "run", num_samples=10)
    grid = dgtl_ray.Tuner.restore(
        tmp_path / "run",
        latency_s,
        param_space={**PARAMETERS, "x": [3, 5, 6]},
        tune_config=dgtl_ray.TuneConfig(num_samples=25),
    ).fit()
    rows = ParquetHistory(grid.summary.history).measurements()
    assert sorted(row.trial for row in rows) == list(range(25))
    assert len(grid) == 25
    assert len(dgtl_ray.Tuner.restore(tmp_path / "run", latency_s).get_results()) == 25


def test_a_run_does_not_go_on_on_another_kind_of_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = tune(tmp_path / "run", num_samples=2).summary.history
    monkeypatch.setattr(function_run, "describe_cpu_host", lambda: EXAMPLE_DEVICE)
    more = dgtl_ray.TuneConfig(num_samples=4)
    with pytest.raises(InputError, match=rf"was begun on cpu/.*, this is {EXAMPLE_DEVICE.key}"):
        dgtl_ray.Tuner.restore(tmp_path / "run", latency_s, tune_config=more).fit()
    assert len(ParquetHistory(history).measurements()) == 2


class Alternating:
    """Tells another device in every second process that asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self) -> DeviceDescriptor:
        number = next(k for k in count() if self._is_new(k))
        return replace(EXAMPLE_DEVICE, kind="cuda", name=f"GPU {number % 2}")

    def _is_new(self, number: int) -> bool:
        try:
            (self.folder / str(number)).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def test_no_row_is_of_another_device_than_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "processes"
    folder.mkdir()
    monkeypatch.setattr(function_run, "describe_cpu_host", Alternating(folder))

    def patient(config: dict[str, Any]) -> float:
        """Until the second worker, whose first process is on the other device, has another."""
        give_up = time.monotonic() + 60.0
        while len(list(folder.iterdir())) < 3:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        return latency_s(config)

    grid = tune(tmp_path / "run", patient, num_samples=4, max_concurrent_trials=2)
    assert grid.num_terminated == 4
    assert len(list(folder.iterdir())) == 3
    rows = ParquetHistory(grid.summary.history).measurements()
    assert {row.device_key for row in rows} == {"cuda/GPU 0/2"}


def test_a_run_with_another_budget_has_its_own_metric_and_resources(tmp_path: Path) -> None:
    def score(config: dict[str, Any]) -> dict[str, float]:
        return {"score": config["x"] - 10.0 * config["y"]}

    of_run = {"metric": "score", "mode": "max", "resources_per_trial": {"cpu": 2}}
    tune(tmp_path / "run", score, num_samples=2, **of_run)
    more = dgtl_ray.TuneConfig(num_samples=4)
    restored = dgtl_ray.Tuner.restore(tmp_path / "run", score, tune_config=more)
    assert restored._tune.resources_per_trial == {"cpu": 2}
    grid = restored.fit()
    assert (len(grid), grid.summary.metric, grid.summary.mode) == (4, "score", "max")


class Notes(SilentMonitor):
    """What was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.parametrize("address", ["local", "auto"])
def test_a_run_ends_where_not_all_calls_fit_at_once(tmp_path: Path, address: str) -> None:
    notes = Notes()
    grid = tune(
        tmp_path / "run", num_samples=8, max_concurrent_trials=64, address=address, monitor=notes
    )
    assert len(grid) == grid.num_terminated == 8
    assert any("8 calls at once are wanted, and there is room for 2" in told for told in notes.told)


class Dying:
    """Ends its process the first time that it is called for a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, config: dict[str, Any]) -> float:
        if is_first_call(self.folder, config):
            os._exit(3)
        return latency_s(config)


def test_a_trial_whose_process_ends_finds_room_for_another(tmp_path: Path) -> None:
    grid = tune(
        tmp_path / "run",
        Dying(tmp_path),
        num_samples=3,
        max_concurrent_trials=3,
        address="auto",
        failure_config=SimpleNamespace(max_failures=1, fail_fast=False),
    )
    assert (grid.num_terminated, grid.num_errors) == (3, 0)


FOR_EVER = SimpleNamespace(max_failures=-1, fail_fast=False)


def test_what_always_fails_is_not_tried_again_when_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"

    class Clock(SearchClock):
        """Stands still until the third call, and then time is up."""

        @property
        def elapsed_s(self) -> float:
            return 60.0 if calls.exists() and calls.stat().st_size >= 3 else 0.0

    def failing(config: dict[str, Any]) -> float:
        with calls.open("a") as log:
            log.write("x")
        raise RuntimeError("always")

    monkeypatch.setattr(function_run, "SearchClock", Clock)
    grid = tune(
        tmp_path / "run", failing, num_samples=1, time_budget_s=60.0, failure_config=FOR_EVER
    )
    assert (len(grid), grid.num_errors) == (1, 1)
    assert calls.read_text() == "xxx"


def test_what_always_fails_is_not_tried_again_when_another_trial_ends_the_run(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim"

    def failing(config: dict[str, Any]) -> float:
        with suppress(FileExistsError), victim.open("x") as file:
            file.write(str(config))
        if victim.read_text() == str(config):
            raise RuntimeError("always")
        return latency_s(config)

    grid = tune(tmp_path / "run", failing, failure_config=FOR_EVER, stop={"latency_s": 1.0})
    assert grid.num_errors == 1
    assert "latency_s reached" in grid.summary.ended


def test_what_no_node_has_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a call reserves 1 nothing, and no node has that"):
        tune(tmp_path / "run", resources_per_trial={"nothing": 1})


def test_a_run_that_is_cut_off_knows_what_took_its_time(tmp_path: Path) -> None:
    def slow(config: dict[str, Any]) -> float:
        time.sleep(0.2)
        raise RuntimeError("slow")

    with pytest.raises(TrialError, match="slow"):
        tune(
            tmp_path / "run",
            slow,
            failure_config=SimpleNamespace(max_failures=0, fail_fast="raise"),
        )
    spent = RunFolder(tmp_path / "run").read().spent
    assert spent is not None
    assert spent.timing > 0.1
    assert spent.proposing > 0


def test_what_a_proposer_did_without_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def transfers(_: LayerActors) -> dict[int, Transfer]:
        return {0: Transfer(fallbacks=("no model could be fitted",))}

    monkeypatch.setattr(LayerActors, "transfers", transfers)
    grid = tune(tmp_path / "run", num_samples=2)
    assert grid.summary.notes == ("latency_s: no model could be fitted",)


def test_a_run_whose_sources_cannot_be_judged_has_its_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def transfers(_: LayerActors) -> dict[int, Transfer]:
        raise DgtlError("it dies")

    monkeypatch.setattr(LayerActors, "transfers", transfers)
    grid = tune(tmp_path / "run", num_samples=2)
    assert len(grid) == 2
    assert [note for note in grid.summary.notes if "cannot be told: it dies" in note]


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
    assert first.summary.sources == ()
    (source,) = grid.summary.sources
    assert (source.measurements, source.layers, source.distrusted) == (42, 1, ())
    assert source.correlation is not None
    assert source.correlation > 0.5


def test_a_network_is_tuned_for_latency_only() -> None:
    with pytest.raises(InputError, match="a network is tuned for latency_s"):
        dgtl_ray.Tuner("resnet18", tune_config=dgtl_ray.TuneConfig(metric="score"))


def test_a_function_that_cannot_be_pickled_is_told(tmp_path: Path) -> None:
    lock = threading.Lock()

    def holding(config: dict[str, Any]) -> float:
        with lock:
            return latency_s(config)

    with pytest.raises(InputError, match="brought to other processes: cannot pickle"):
        tune(tmp_path / "run", holding)


def test_a_function_that_no_worker_can_load_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be called with a configuration"):
        tune(tmp_path / "run", 7)
