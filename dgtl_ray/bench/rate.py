"""Measured trials per second: this engine against TVM's MetaSchedule, side by side in one run.

Same tasks, layout, target and cores; both with their workers warm before the clock starts. Every
trial counts on both sides, failed ones too.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.engine.run import SearchRequest, search
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure import LocalBuilder, LocalTimer, toolchain
from dgtl_ray.model import TargetSpec, load_network, parse_target
from dgtl_ray.run.experiment import best_config
from dgtl_ray.space.sketches import read_design_space


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is measured."""

    tasks: int
    trials: int
    per_round: int
    population: int  # of MetaSchedule's evolutionary search


# A population of 512 is MetaSchedule's own default.
_FULL = _Size(tasks=6, trials=192, per_round=32, population=512)
_QUICK = _Size(tasks=1, trials=4, per_round=4, population=16)
_SEED = 0


@dataclass(kw_only=True)
class _Pace:
    """Rows kept and search time at the end of each round, confirmations left out."""

    store: ParquetHistory
    rows: int = 0
    confirming: bool = False
    rounds: list[tuple[int, float]] = field(default_factory=list)
    last: SearchTime | None = None

    def append(self, rows: Sequence[Measurement]) -> None:
        self.store.append(rows)
        self.rows += len(rows)
        self.confirming = any(row.stage is Stage.CONFIRM for row in rows)

    def on_round(self, spent: SearchTime) -> None:
        if not self.confirming:
            self.rounds.append((self.rows, spent.total))
            self.last = spent

    def rate(self) -> float:
        """Trials per second from the end of the first round, when all workers are warm."""
        (rows, start_s), (all_rows, end_s) = self.rounds[0], self.rounds[-1]
        return (all_rows - rows) / (end_s - start_s)


def run(*, quick: bool) -> BenchReport:
    """Rates on the convolutions of ResNet-18 that cost most; `quick` takes one task, few trials."""
    size = _QUICK if quick else _FULL
    target = parse_target("cpu")
    network = load_network("resnet18", target)
    tasks = sorted(network.tasks, key=lambda task: -task.weight * task.flop)[: size.tasks]
    pace = _ours(tasks, target, size)
    theirs = _metaschedule(tasks, target, size)
    rate, their_rate = pace.rate(), theirs["trials"] / theirs["wall_s"]
    spent = pace.last.as_dict() if pace.last else {}
    rows = [
        {"tuner": "dgtl_ray", "trials": pace.rounds[-1][0], "trials_per_s": rate},
        {"tuner": "MetaSchedule", "trials": theirs["trials"], "trials_per_s": their_rate},
    ]
    return BenchReport(
        name="rate",
        tables=[BenchTable(title="measured trials per second", rows=rows)],
        figures={"ratio": rate / their_rate, "metaschedule_failed": theirs["failed"], **spent},
        settings={"tasks": [task.name for task in tasks], "seed": _SEED, "quick": quick},
    )


def _ours(tasks: Sequence[LayerTask], target: TargetSpec, size: _Size) -> _Pace:
    with tempfile.TemporaryDirectory() as folder:
        pace = _Pace(store=ParquetHistory(str(Path(folder) / "history")))
        request = SearchRequest(
            run_id="rate",
            tasks=tasks,
            spaces=[read_design_space(task, target.json) for task in tasks],
            target=target.json,
            search="evolutionary",
            seed=_SEED,
            budget=Budget(trials=size.trials + len(tasks), min_gain=0.0),
            toolchain=toolchain(),
            history=lambda _device: (),
            learn=lambda _device: Knowledge(),
            sink=pace,
            choose=best_config,
            on_round=pace.on_round,
            builder=LocalBuilder,
            timer=LocalTimer,
        )
        search(request, SilentMonitor())
    return pace


def _metaschedule(tasks: Sequence[LayerTask], target: TargetSpec, size: _Size) -> dict[str, Any]:
    request = {
        "programs": {task.name: task.program for task in tasks},
        "target": target.json,
        "trials": size.trials,
        "per_round": size.per_round,
        "population": size.population,
        "workers": len(os.sched_getaffinity(0)),
        "seed": _SEED + 1,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "dgtl_ray.bench.tools.metaschedule"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"MetaSchedule ended with {done.returncode}:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
