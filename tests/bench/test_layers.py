"""The comparison on real layers, from runs that are there already."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.bench import run_bench
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.history import ParquetHistory
from dgtl_ray.runfolder import RunFolder, RunState
from dgtl_ray.testing.measurements import example_measurement

# Trials of a made-up run come a second apart, and each is a round.
FIRST = example_measurement().created_at


def finished(folder: Path, search: str, rows: list[Measurement], round_s: float) -> None:
    """A run whose every trial took `round_s` seconds of search."""
    run = RunFolder(folder)
    state = RunState(
        run_id=search,
        network="resnet18",
        network_hash="",
        target="{}",
        search=search,
        seed=0,
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
    fields: dict[str, Any] = {"config": f"{trial}", **cost, **changes}
    return example_measurement(trial, run_id=run_id, task=key, workload_key=key, **fields)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Layer `a` is found by both; of layer `b` only a wrong configuration was as fast."""
    slow = [row("evolutionary", k, "ab"[k % 2], 9.0 - k) for k in range(8)]
    finished(tmp_path / "evolutionary", "evolutionary", slow, round_s=10.0)
    quick = [row("dgtl", 0, "a", 5.0), row("dgtl", 1, "a", 2.05), row("dgtl", 2, "b", 4.0)]
    wrong = [row("dgtl", 3, "b", 1.0), row("dgtl", 4, "b", None, config="3")]
    again = [row("dgtl", 5, "a", 2.02, config="1", stage=Stage.CONFIRM)]
    finished(tmp_path / "dgtl", "dgtl", [*quick, *wrong, *again], round_s=5.0)
    return tmp_path


def test_it_tells_when_each_layer_was_found(runs: Path) -> None:
    other = ParquetHistory(str(runs / "other"))
    other.append([row("alexnet", 0, "c", 1.0)])
    report = run_bench("layers", quick=False, runs=runs, history=[other.uri])
    a, b = report.tables[0].rows
    assert (a["layer"], b["layer"]) == ("a", "b")
    assert (a["evolutionary found (s)"], a["dgtl found (s)"]) == (70.0, 10.0)
    assert a["in time"]
    assert b["dgtl found (s)"] is None
    assert not b["in time"]
    assert report.figures["layers found in time"] == "1 of 2"
    assert report.figures["allowed (s)"] == 20.0
    assert report.figures["all layers found (s)"] is None


def test_what_history_knows_of_a_layer_was_found_at_once(runs: Path) -> None:
    other = ParquetHistory(str(runs / "other"))
    other.append([row("alexnet", 0, "b", 1.9), row("alexnet", 1, "a", 9.0)])
    report = run_bench("layers", quick=False, runs=runs, history=[other.uri])
    a, b = report.tables[0].rows
    assert (a["dgtl found (s)"], b["dgtl found (s)"]) == (10.0, 0.0)
    assert report.figures["layers found in time"] == "2 of 2"
