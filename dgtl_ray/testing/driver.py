"""A search in a process of its own, to be killed: `python -m dgtl_ray.testing.driver JSON`.

It prints a line for each measurement once that is durable, for each note, and at its end what it
found.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.progress import Progress
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.health import HealthPolicy
from dgtl_ray.engine.run import SearchOutcome, SearchRequest, search
from dgtl_ray.history import ParquetHistory, SpooledHistory, row_filter, select_best
from dgtl_ray.testing.simulation import Builders, SimulatedSearch, Timers, load_problem

# What the lines begin with.
ROW, NOTE, END = "row", "note", "end"


class _Sink:
    """Tells of each row once it is durable."""

    def __init__(self, store: SpooledHistory) -> None:
        self._store = store

    def append(self, rows: Sequence[Measurement]) -> None:
        self._store.append(rows)
        for row in rows:
            _say(ROW, row.measurement_id)


class _Notes:
    """Passes notes on."""

    def update(self, progress: Progress) -> None:
        """Nothing to show."""

    def note(self, text: str) -> None:
        """Say it."""
        _say(NOTE, text)

    def close(self) -> None:
        """Nothing to end."""


def run(spec: SimulatedSearch) -> None:
    """Go on with the search from what its history holds, and say how it ended."""
    store = ParquetHistory(spec.history)
    store.create()
    sink = SpooledHistory(store, Path(spec.spool))
    sink.deliver()
    problem = load_problem(Path(spec.problem))
    request = SearchRequest(
        run_id=spec.run_id,
        tasks=problem.tasks,
        spaces=problem.spaces,
        target=problem.target,
        search=spec.search,
        seed=spec.seed,
        budget=Budget(trials=spec.trials, min_gain=0.0),
        toolchain={"tvm": "0"},
        history=lambda _device: store.measurements(),
        learn=lambda _device: Knowledge(),
        sink=_Sink(sink),
        choose=_best_config,
        on_round=lambda _spent: None,
        builder=_factory(spec.builder) if spec.builder else Builders(build_s=spec.build_s),
        timer=_factory(spec.timer) if spec.timer else Timers(timing_s=spec.timing_s),
        address=spec.address,
        evaluator=EvaluatorConfig(timeout_s=spec.timeout_s),
        asked=AskedTrials(Path(spec.spool) / "asked.jsonl"),
        first_trial=_first_trial(store, spec.run_id),
        health=HealthPolicy(**spec.health),  # type: ignore[arg-type]
    )
    outcome = search(request, _Notes())
    sink.deliver(patience_s=60.0)
    _say(END, json.dumps(_summary(outcome)))


def _first_trial(store: ParquetHistory, run_id: str) -> int:
    rows = store.scan(where=row_filter(run_id=run_id), columns=["trial"])
    trials: list[int] = rows.column("trial").to_pylist()
    return max(trials, default=-1) + 1


def _summary(outcome: SearchOutcome) -> dict[str, Any]:
    return {
        "winners": outcome.winners,
        "search_s": outcome.time.total,
        "devices": [asdict(report) for report in outcome.devices],
    }


def _best_config(rows: Sequence[Measurement]) -> str | None:
    if not rows:
        return None
    best = select_best(
        rows,
        workload_key=rows[0].workload_key,
        device_key=rows[0].device_key,
        target=rows[0].target,
    )
    return None if best is None else best.config


def _factory(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _say(kind: str, text: str) -> None:
    print(kind, text, flush=True)


if __name__ == "__main__":
    run(SimulatedSearch(**json.loads(sys.argv[1])))
