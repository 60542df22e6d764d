"""Transfer between devices: each recorded task in turn is the target, the others its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgtl_ray.bench.replay import replay
from dgtl_ray.bench.replay_report import ReplayReport
from dgtl_ray.bench.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
from dgtl_ray.measure.recorded import RecordedTable
from dgtl_ray.measure.tables import read_tables
from dgtl_ray.search import proposer_names

MILESTONES = (16, 32, 64, 100, 200)


@dataclass(frozen=True, kw_only=True)
class _Contender:
    """A search, with or without history."""

    search: str
    history: bool

    @property
    def name(self) -> str:
        return f"{self.search} + history" if self.history else self.search


# Searches that learn from history, if they are given some.
_LEARNERS = ("autotvm", "dgtl")


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is run."""

    seeds: int
    trials: int
    source_rows: int


_FULL = _Size(seeds=10, trials=200, source_rows=500)
_QUICK = _Size(seeds=2, trials=16, source_rows=500)


def run(
    *, quick: bool, tables: Path | None = None, searches: Sequence[str] | None = None
) -> BenchReport:
    """Best/optimum of searches on every recorded task; `quick` takes 2 seeds and 16 trials.

    Args:
        quick: A smoke run.
        tables: Folder of Kernel Tuner files, of one kernel on several devices.
        searches: Names of those that are compared; all where it is None.

    Raises:
        InputError: No folder was given, or its files cannot be read.
    """
    if tables is None:
        raise InputError("bench transfer replays recorded kernels: give their folder by --tables")
    size = _QUICK if quick else _FULL
    recorded = read_tables(tables)
    reports = [
        (contender, _replay(target, recorded, contender, size))
        for target in recorded
        for contender in _contenders(searches or proposer_names())
    ]
    return BenchReport(
        name="transfer",
        tables=[
            BenchTable(title="mean best/optimum", rows=_rows(reports, size, "mean")),
            BenchTable(title="standard deviation over seeds", rows=_rows(reports, size, "std")),
        ],
        figures={},
        settings={
            "seeds": size.seeds,
            "trials": size.trials,
            "source_rows": size.source_rows,
            "quick": quick,
        },
    )


def _contenders(searches: Sequence[str]) -> list[_Contender]:
    """Every search without history, and those that learn with history, too."""
    alone = [_Contender(search=name, history=False) for name in searches]
    learners = [name for name in searches if name in _LEARNERS]
    return alone + [_Contender(search=name, history=True) for name in learners]


def _replay(
    target: RecordedTable, recorded: Sequence[RecordedTable], contender: _Contender, size: _Size
) -> ReplayReport:
    others = [table for table in recorded if table is not target]
    return replay(
        target,
        contender.search,
        trials=size.trials,
        seeds=range(size.seeds),
        sources=others if contender.history else (),
        source_rows=size.source_rows,
    )


def _rows(
    reports: Sequence[tuple[_Contender, ReplayReport]], size: _Size, statistic: str
) -> list[dict[str, Any]]:
    """One row for each target and contender, a column for each milestone."""
    milestones = [trials for trials in MILESTONES if trials <= size.trials]
    return [
        {"target": report.table, "search": contender.name}
        | {str(trials): report.row(trials)[statistic] for trials in milestones}
        for contender, report in reports
    ]
