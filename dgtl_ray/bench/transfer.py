"""Transfer between devices: each recorded task in turn is the target, the others its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dgtl_ray.bench.tools.false_history import noise, unrelated
from dgtl_ray.bench.tools.kept import KeptReplays
from dgtl_ray.bench.tools.replay import Telling, replay
from dgtl_ray.bench.tools.replay_report import ReplayReport
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.tables import read_tables
from dgtl_ray.search import proposer_names

MILESTONES = (16, 32, 64, 100, 200)
# After so many trials history must not have made the search worse.
JUDGED = (100, 200)

# What a search is told of the other devices, by the name of that history.
_HISTORIES: Mapping[str, Telling | None] = MappingProxyType(
    {"history": None, "noise": noise, "unrelated kernel": unrelated}
)
# Searches that learn from history, and the histories that each is given.
_LEARNERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"autotvm": ("history",), "dgtl": tuple(_HISTORIES)}
)


@dataclass(frozen=True, kw_only=True)
class _Contender:
    """A search, with or without history."""

    search: str
    history: str | None = None

    @property
    def name(self) -> str:
        return f"{self.search} + {self.history}" if self.history else self.search


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is run."""

    seeds: int
    trials: int
    source_rows: int


_FULL = _Size(seeds=10, trials=200, source_rows=500)
_QUICK = _Size(seeds=2, trials=16, source_rows=500)

_Reports = Sequence[tuple[_Contender, ReplayReport]]


def run(
    *,
    quick: bool,
    tables: Path | None = None,
    searches: Sequence[str] | None = None,
    seeds: int | None = None,
    runs: Path | None = None,
) -> BenchReport:
    """Best/optimum of searches on every recorded task; `quick` takes 2 seeds and 16 trials.

    Searches that learn run without history, with that of the other devices, and `dgtl` also with
    histories that mislead.

    Args:
        quick: A smoke run.
        tables: Folder of Kernel Tuner files, of one kernel on several devices.
        searches: Names of those that are compared; all where it is None.
        seeds: Runs of each, where they are not as many as usual.
        runs: Folder that keeps replays: what is there is not run again.

    Raises:
        InputError: No folder was given, or its files cannot be read.
    """
    if tables is None:
        raise InputError("bench transfer replays recorded kernels: give their folder by --tables")
    size = _QUICK if quick else _FULL
    size = replace(size, seeds=seeds or size.seeds)
    recorded, kept = read_tables(tables), KeptReplays(runs)
    reports = [
        (contender, _report(target, recorded, contender, size, kept))
        for target in recorded
        for contender in _contenders(searches or proposer_names())
    ]
    return BenchReport(
        name="transfer",
        tables=[
            BenchTable(title="mean best/optimum", rows=_rows(reports, size, "mean")),
            BenchTable(title="standard deviation over seeds", rows=_rows(reports, size, "std")),
            BenchTable(title="with history ÷ without", rows=_harm(reports, size)),
            BenchTable(title="dgtl ÷ rival, both without history", rows=_rivals(reports, size)),
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
    """Every search without history, and those that learn with each of theirs, too."""
    alone = [_Contender(search=name) for name in searches]
    taught = [
        _Contender(search=name, history=history)
        for name in searches
        for history in _LEARNERS.get(name, ())
    ]
    return alone + taught


def _report(
    target: RecordedTable,
    recorded: Sequence[RecordedTable],
    contender: _Contender,
    size: _Size,
    kept: KeptReplays,
) -> ReplayReport:
    """The contender's replays, each kept by itself."""
    parts = []
    for seed in range(size.seeds):
        name = f"{target.name} {contender.name} {size.trials} trials seed {seed}"
        parts.append(kept.get(name, partial(_replay, target, recorded, contender, size, seed)))
    return replace(parts[0], runs=tuple(run for part in parts for run in part.runs))


def _replay(
    target: RecordedTable,
    recorded: Sequence[RecordedTable],
    contender: _Contender,
    size: _Size,
    seed: int,
) -> ReplayReport:
    others = [table for table in recorded if table is not target]
    return replay(
        target,
        contender.search,
        trials=size.trials,
        seeds=[seed],
        sources=others if contender.history else (),
        source_rows=size.source_rows,
        told=_HISTORIES[contender.history] if contender.history else None,
    )


def _rows(reports: _Reports, size: _Size, statistic: str) -> list[dict[str, Any]]:
    """One row for each target and contender, a column for each milestone."""
    milestones = [trials for trials in MILESTONES if trials <= size.trials]
    return [
        {"target": report.table, "search": contender.name}
        | {str(trials): report.row(trials)[statistic] for trials in milestones}
        for contender, report in reports
    ]


def _rivals(reports: _Reports, size: _Size) -> list[dict[str, Any]]:
    """Mean best of `dgtl` over that of every other search, none knowing history, once judged."""
    alone = [(contender.search, report) for contender, report in reports if not contender.history]
    ours = {report.table: report for search, report in alone if search == "dgtl"}
    return [
        {"target": report.table, "rival": search}
        | {
            str(trials): float(
                ours[report.table].ratios(trials).mean() / report.ratios(trials).mean()
            )
            for trials in _judged(size)
        }
        for search, report in alone
        if search != "dgtl" and report.table in ours
    ]


def _judged(size: _Size) -> list[int]:
    """Trials after which a search is judged; its last where it makes fewer."""
    return [trials for trials in JUDGED if trials <= size.trials] or [size.trials]


def _harm(reports: _Reports, size: _Size) -> list[dict[str, Any]]:
    """Mean best of a search with history over that of the same search without, once judged."""
    alone = {
        (report.table, contender.search): report
        for contender, report in reports
        if not contender.history
    }
    return [
        {"target": report.table, "search": contender.name}
        | {
            str(trials): float(
                report.ratios(trials).mean()
                / alone[report.table, contender.search].ratios(trials).mean()
            )
            for trials in _judged(size)
        }
        for contender, report in reports
        if contender.history
    ]
