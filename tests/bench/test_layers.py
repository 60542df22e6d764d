"""The comparison on real layers, from runs that are there already."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray.bench import layers, run_bench
from dgtl_ray.bench.tools.in_turn import time_in_turn
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure.host import describe_cpu_host
from dgtl_ray.model import TargetSpec, load_network, parse_target
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state

pytestmark = pytest.mark.slow

# Trials of a made-up run come a second apart, and each is a round.
FIRST = example_measurement().created_at


def finished(folder: Path, search: str, rows: list[Measurement], round_s: float) -> None:
    """A run whose every trial took `round_s` seconds of search."""
    run = RunFolder(folder)
    state = example_state(
        run_id=search,
        network="resnet18",
        target=parse_target("cpu").json,
        search=search,
        history=run.history,
    )
    ParquetHistory(run.history).append(rows)
    total_s = round_s * len(rows)
    spent = SearchTime(total=total_s, proposing=0.0, building=0.0, timing=total_s, idle=0.0)
    run.save_time(state, spent, finished=True)
    rounds = [(FIRST + timedelta(seconds=k), round_s * (k + 1)) for k in range(len(rows))]
    (folder / "rounds.json").write_text(json.dumps([(at.isoformat(), s) for at, s in rounds]))


def row(run_id: str, trial: int, key: str, cost_ms: float | None, **changes: Any) -> Measurement:
    """A trial of the layer `key`; wrong where it has no cost."""
    cost = {"cost_s": cost_ms / 1e3} if cost_ms else {"status": Status.WRONG_RESULT}
    here = {"device_key": describe_cpu_host().key}
    fields: dict[str, Any] = {"config": f"{trial}", **cost, **here, **changes}
    return example_measurement(trial, run_id=run_id, task=key, workload_key=key, **fields)


@pytest.fixture(scope="module")
def tasks() -> tuple[LayerTask, LayerTask]:
    """The two layers that the runs have tuned."""
    first, second, *_ = load_network("resnet18", parse_target("cpu")).tasks
    return first, second


@pytest.fixture
def runs(tmp_path: Path, tasks: tuple[LayerTask, LayerTask]) -> Path:
    """The first layer is found by both; of the second only a wrong configuration was as fast."""
    a, b = (task.workload_key for task in tasks)
    slow = [row("evolutionary", k, (a, b)[k % 2], 9.0 - k) for k in range(8)]
    finished(tmp_path / "evolutionary", "evolutionary", slow, round_s=10.0)
    quick = [row("dgtl", 0, a, 5.0), row("dgtl", 1, a, 2.05), row("dgtl", 2, b, 4.0)]
    wrong = [row("dgtl", 3, b, 1.0), row("dgtl", 4, b, None, config="3")]
    again = [row("dgtl", 5, a, 2.02, config="1", stage=Stage.CONFIRM)]
    finished(tmp_path / "dgtl", "dgtl", [*quick, *wrong, *again], round_s=5.0)
    return tmp_path


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], float]:
    """Milliseconds of a layer's configuration when it is timed in turn; 10 unless set here."""
    said: dict[tuple[str, str], float] = {}

    def time_in_turn(
        asked: Mapping[LayerTask, Sequence[str]], _target: TargetSpec, passes: int
    ) -> dict[str, FloatArray]:
        # Each pass is slower than the one before, as a machine that others use.
        drift = 1.0 + 0.3 * np.arange(passes)
        return {
            task.workload_key: np.outer(
                drift, [said.get((task.workload_key, config), 10.0) / 1e3 for config in configs]
            )
            for task, configs in asked.items()
        }

    monkeypatch.setattr(layers, "time_in_turn", time_in_turn)
    return said


def test_a_run_of_another_machine_is_refused(tmp_path: Path) -> None:
    elsewhere = row("evolutionary", 0, "a", 9.0, device_key="cpu/other/64")
    finished(tmp_path / "evolutionary", "evolutionary", [elsewhere], round_s=1.0)
    with pytest.raises(InputError, match=r"was begun on cpu/other/64 .* another folder by --runs"):
        run_bench("layers", quick=False, runs=tmp_path, history=["h"])


def test_it_tells_when_each_layer_was_found(
    runs: Path, tasks: tuple[LayerTask, LayerTask], timed: dict[tuple[str, str], float]
) -> None:
    a, b = (task.workload_key for task in tasks)
    timed |= {(a, "6"): 3.0, (a, "1"): 3.05, (b, "7"): 2.0, (b, "2"): 4.0}
    other = ParquetHistory(str(runs / "other"))
    other.append([row("alexnet", 0, "c", 1.0)])
    report = run_bench("layers", quick=False, runs=runs, history=[other.uri])
    first, second = report.tables[0].rows
    assert (first["layer"], second["layer"]) == tuple(task.name for task in tasks)
    assert (first["evolutionary found (s)"], first["dgtl found (s)"]) == (70.0, 10.0)
    assert first["dgtl ÷ evolutionary"] == pytest.approx(3.05 / 3.0)
    assert first["in time"]
    assert second["dgtl found (s)"] is None
    assert not second["in time"]
    assert report.figures["layers found in time"] == "1 of 2"
    assert report.figures["allowed (s)"] == 20.0
    assert report.figures["all layers found (s)"] is None


def test_what_counts_is_how_fast_it_is_beside_the_other(
    runs: Path, tasks: tuple[LayerTask, LayerTask], timed: dict[tuple[str, str], float]
) -> None:
    a, b = (task.workload_key for task in tasks)
    # The first was only lucky when it was measured, the second unlucky.
    timed |= {(a, "6"): 3.0, (a, "1"): 4.0, (b, "7"): 2.0, (b, "2"): 1.5}
    other = ParquetHistory(str(runs / "other"))
    other.append([row("alexnet", 0, "c", 1.0)])
    report = run_bench("layers", quick=False, runs=runs, history=[other.uri])
    first, second = report.tables[0].rows
    assert (first["dgtl found (s)"], second["dgtl found (s)"]) == (None, 15.0)


def test_a_winner_counts_that_seemed_the_fastest_only_when_timed_again(
    runs: Path, tasks: tuple[LayerTask, LayerTask], timed: dict[tuple[str, str], float]
) -> None:
    a, _ = (task.workload_key for task in tasks)
    timed |= {(a, "6"): 3.0, (a, "2"): 2.5}
    found = [row("dgtl", 1, a, 2.0), row("dgtl", 2, a, 2.1)]
    costs_ms = (("1", 2.6), ("2", 2.1), ("1", 2.6), ("2", 2.1))
    again = [
        row("dgtl", 3 + k, a, cost_ms, config=config, stage=Stage.CONFIRM)
        for k, (config, cost_ms) in enumerate(costs_ms)
    ]
    shutil.rmtree(runs / "dgtl")
    finished(runs / "dgtl", "dgtl", [*found, *again], round_s=5.0)
    other = ParquetHistory(str(runs / "other"))
    other.append([row("alexnet", 0, "c", 1.0)])
    report = run_bench("layers", quick=False, runs=runs, history=[other.uri])
    first, *_ = report.tables[0].rows
    assert first["dgtl ÷ evolutionary"] == pytest.approx(2.5 / 3.0)
    assert first["dgtl found (s)"] == 15.0


def test_what_history_knows_of_a_layer_was_found_at_once(
    runs: Path, tasks: tuple[LayerTask, LayerTask], timed: dict[tuple[str, str], float]
) -> None:
    a, b = (task.workload_key for task in tasks)
    timed |= {(b, "old"): 9.0, (a, "slow"): 20.0}
    other = ParquetHistory(str(runs / "other"))
    known = [row("alexnet", 0, b, 1.9, config="old"), row("alexnet", 1, a, 9.0, config="slow")]
    other.append(known)
    report = run_bench("layers", quick=False, runs=runs, history=[other.uri])
    first, second = report.tables[0].rows
    assert (first["dgtl found (s)"], second["dgtl found (s)"]) == (10.0, 0.0)
    assert report.figures["layers found in time"] == "2 of 2"


def test_configurations_are_built_anew_and_timed_in_turn() -> None:
    target = parse_target("cpu")
    task = next(t for t in load_network("resnet18", target).tasks if t.operator == "dense")
    space = read_design_space(task, target.json)
    config = space.config_of(space.sample(1, stream(0, task.workload_key))[0])
    times = time_in_turn({task: ["", config]}, target, passes=2)[task.workload_key]
    assert times.shape == (2, 2)
    assert (times > 0.0).all()
