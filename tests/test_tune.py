"""The whole path with real TVM and real Ray, on a network of three layers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgtl_ray
from dgtl_ray.core.measurement import Stage, TimedIn
from dgtl_ray.core.progress import Progress, SilentMonitor
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run.comparison import verdict
from dgtl_ray.run.results import ResultGrid
from tests.networks import tiny

NETWORK = "tests.networks:tiny"


class Watcher(SilentMonitor):
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def update(self, progress: Progress) -> None:
        self.seen.append(progress)


@pytest.fixture(scope="module")
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture(scope="module")
def grid(
    ray_cluster: None, tmp_path_factory: pytest.TempPathFactory, watcher: Watcher
) -> ResultGrid:
    tuner = dgtl_ray.Tuner(
        NETWORK,
        tune_config=dgtl_ray.TuneConfig(num_samples=24),
        run_config=dgtl_ray.RunConfig(
            name="run", storage_path=tmp_path_factory.mktemp("runs"), monitor=watcher
        ),
    )
    grid: ResultGrid = tuner.fit()
    return grid


def test_the_tuned_module_gives_the_networks_answers(grid: ResultGrid) -> None:
    import torch

    network, inputs = tiny()
    with torch.no_grad():
        expected = network(*inputs).numpy()
    module = dgtl_ray.load(grid.module_path)
    np.testing.assert_allclose(module(inputs[0].numpy()), expected, rtol=1e-3, atol=1e-4)
    assert grid.summary.verified
    assert grid.summary.max_relative_error <= 1e-3


def test_there_is_one_result_a_layer_beside_its_default(grid: ResultGrid) -> None:
    assert grid.num_errors == 0
    assert sum(result.trials for result in grid) == 24
    for result in grid:
        assert result.latency_s is not None
        assert result.default_s is not None
        # One is timed in the network, the other alone: caches lie between them, and noise.
        assert result.latency_s <= 2 * result.default_s
        assert result.timed_in == "network"
        assert result.alone_s is not None
        assert result.alone_s <= 2 * result.default_s


def test_the_network_is_its_layers_and_what_lies_between_them(grid: ResultGrid) -> None:
    inside = grid.summary.inside
    assert inside is not None
    layers_s = sum(result.weight * (result.latency_s or 0.0) for result in grid)
    assert inside["layers_s"] == pytest.approx(layers_s, rel=1e-3)
    difference_s = inside["network_s"] - inside["layers_s"]
    assert sum(inside["beside_s"].values()) == pytest.approx(difference_s)


def test_winners_were_named_inside_the_network(grid: ResultGrid) -> None:
    rows = ParquetHistory(grid.summary.history).measurements("stage == 'confirm'")
    assert {row.timed_in for row in rows} == {TimedIn.NETWORK}
    timed = {row.measurement_id: row for row in rows}
    for result in grid:
        decided = [timed[key] for key in result.measurement_ids]
        assert {row.config for row in decided} == {result.config}


def test_all_contenders_were_timed(grid: ResultGrid) -> None:
    wanted = ("tuned", "untuned", "pytorch", "onnxruntime")
    assert {*wanted, "openvino", "mnn", "ncnn"} == set(grid.summary.latency_s)
    for name in wanted:
        seconds = grid.summary.latency_s[name]
        assert seconds is not None
        assert seconds > 0
    assert grid.summary.verdict == verdict(grid.summary.latency_s)


def test_the_search_time_adds_up(grid: ResultGrid) -> None:
    spent = grid.summary.search_s
    parts = sum(spent[phase] for phase in ("proposing", "building", "timing", "idle"))
    assert spent["total"] == pytest.approx(parts)
    assert spent["building"] > 0
    assert spent["timing"] > 0


def test_the_summary_is_json_with_what_scripts_need(grid: ResultGrid) -> None:
    summary = json.loads(json.dumps(grid.as_dict()))
    for key in ("network", "target", "verified", "trials", "failed", "layers", "history"):
        assert key in summary
    assert len(summary["layers"]) == len(grid)


def test_a_restored_run_has_its_results_without_a_search(grid: ResultGrid) -> None:
    again = dgtl_ray.Tuner.restore(grid.experiment_path, NETWORK).get_results()
    assert json.dumps(again.as_dict()) == json.dumps(grid.as_dict())
    assert [result.sources for result in again] == [result.sources for result in grid]
    assert again.get_best_result() == grid.get_best_result()


def test_the_user_sees_the_trials_grow(grid: ResultGrid, watcher: Watcher) -> None:
    assert [p.trials for p in watcher.seen] == sorted(p.trials for p in watcher.seen)
    assert watcher.seen[-1].trials == sum(result.trials for result in grid)


def test_the_best_of_a_history_needs_no_measuring(grid: ResultGrid, tmp_path: Path) -> None:
    again = dgtl_ray.Tuner(
        NETWORK,
        tune_config=dgtl_ray.TuneConfig(num_samples=0),
        run_config=dgtl_ray.RunConfig(name="again", storage_path=tmp_path, compare=False),
        history=[grid.summary.history],
    ).fit()
    assert [result.config for result in again] == [result.config for result in grid]
    assert again.summary.trials == 0
    assert again.summary.verified
    assert ParquetHistory(again.summary.history).measurements() == []


def test_exact_math_is_another_target_with_measurements_of_its_own(
    grid: ResultGrid, tmp_path: Path
) -> None:
    exact = dgtl_ray.Tuner(
        NETWORK,
        tune_config=dgtl_ray.TuneConfig(num_samples=0, exact_math=True),
        run_config=dgtl_ray.RunConfig(name="exact", storage_path=tmp_path, compare=False),
        history=[grid.summary.history],
    ).fit()
    assert "exact-math" in json.loads(exact.summary.target)["keys"]
    assert {result.config for result in exact} == {""}
    assert exact.summary.verified


def test_a_data_frame_has_one_row_a_layer(grid: ResultGrid) -> None:
    frame = grid.get_dataframe()
    assert list(frame["name"]) == [result.task for result in grid]


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """The folder of a run that was killed with -9, and how many trials it had reported."""
    out = tmp_path / "run"
    command = [*_tune(out), "--trials", "400"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=_environment()
    )
    reported = 0
    assert process.stdout is not None
    for line in process.stdout:
        if "recorded:" in line:
            reported = int(line.split("recorded:")[1].split()[0])
        if reported >= 10:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    yield out, reported
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _left_over(out):
        time.sleep(0.2)
    assert not _left_over(out)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_killed_run_loses_nothing_and_goes_on(killed: tuple[Path, int]) -> None:
    out, reported = killed
    before = ParquetHistory(str(out / "history")).measurements()
    assert len(before) >= reported >= 10
    trials = len(before) + 10
    done = subprocess.run(
        [*_tune(out), "--trials", str(trials), "--resume", "--json", str(out / "run_result.json")],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads((out / "run_result.json").read_text())
    after = ParquetHistory(str(out / "history")).measurements()
    assert summary["trials"] == trials
    assert {row.measurement_id for row in before} <= {row.measurement_id for row in after}
    searched = [row for row in after if row.stage is not Stage.CONFIRM]
    assert len({(row.workload_key, row.config) for row in searched}) == len(searched) == trials


def _tune(out: Path) -> list[str]:
    tune = [sys.executable, "-m", "dgtl_ray", "tune", NETWORK, "--search", "evolutionary"]
    return [*tune, "--out", str(out), "--no-compare"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", "DGTL_PLAIN_INTERVAL_S": "0"}


def _left_over(out: Path) -> list[str]:
    """Processes that still mention the run."""
    found = subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True, check=False)
    return [pid for pid in found.stdout.split() if int(pid) != os.getpid()]
