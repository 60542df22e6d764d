"""Trials per second of the search of whichever checkout is imported.

`python -P pace.py` with PYTHONPATH naming a checkout, a request as JSON on standard input. So it
uses nothing that has not long been there, and no other part of `bench/`.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.engine.run import SearchRequest, search
from dgtl_ray.history import ParquetHistory, select_best
from dgtl_ray.measure import LocalBuilder, LocalTimer, toolchain
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.space.sketches import read_design_space


@dataclass(kw_only=True)
class Pace:
    """Rows, failures and search time at the end of each round, confirmations left out."""

    store: ParquetHistory
    rows: int = 0
    failed: list[str] = field(default_factory=list)
    confirming: bool = False
    rounds: list[tuple[int, int, float]] = field(default_factory=list)
    last: SearchTime | None = None

    def append(self, rows: Sequence[Measurement]) -> None:
        """Keep rows; the search's sink."""
        self.store.append(rows)
        self.rows += len(rows)
        self.failed += [row.error for row in rows if row.status is not Status.OK]
        self.confirming = any(row.stage is Stage.CONFIRM for row in rows)

    def on_round(self, spent: SearchTime) -> None:
        """Note the time when a round is durable."""
        if not self.confirming:
            self.rounds.append((self.rows, len(self.failed), spent.total))
            self.last = spent

    def as_dict(self) -> dict[str, Any]:
        """Trials, failures and seconds from the end of the first round: workers are warm then."""
        (rows, failed, start_s), (all_rows, all_failed, end_s) = self.rounds[0], self.rounds[-1]
        spent = self.last.as_dict() if self.last else {}
        return {
            "trials": all_rows - rows,
            "wall_s": end_s - start_s,
            "failed": all_failed - failed,
            "error": self.failed[-1] if self.failed else "",
            "spent": spent,
        }


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Search the `tasks` layers of a `network` that cost most, `trials` long, from `seed`."""
    target = parse_target("cpu")
    network = load_network(request["network"], target)
    tasks = sorted(network.tasks, key=lambda task: -task.weight * task.flop)[: request["tasks"]]
    with tempfile.TemporaryDirectory() as folder:
        pace = Pace(store=ParquetHistory(str(Path(folder) / "history")))
        asked = SearchRequest(
            run_id="rate",
            tasks=tasks,
            spaces=[read_design_space(task, target.json) for task in tasks],
            target=target.json,
            search="evolutionary",
            seed=request["seed"],
            budget=Budget(trials=request["trials"] + len(tasks), min_gain=0.0),
            toolchain=toolchain(),
            history=lambda _device: (),
            learn=lambda _device: Knowledge(),
            sink=pace,
            choose=_winner,
            on_round=pace.on_round,
            builder=LocalBuilder,
            timer=LocalTimer,
        )
        search(asked, SilentMonitor())
    return pace.as_dict()


def _winner(rows: Sequence[Measurement]) -> str | None:
    if not rows:
        return None
    first = rows[0]
    best = select_best(
        rows,
        workload_key=first.workload_key,
        device_key=first.device_key,
        target=first.target,
    )
    return None if best is None else best.config


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(measure(json.load(sys.stdin))) + "\n")
