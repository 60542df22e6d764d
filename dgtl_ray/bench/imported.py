"""Transfer across formats: files of another tuner imported, then a search on another device.

Each recorded file in turn is searched, with a history into which all others were imported and
without one. What counts is how many trials it takes until one is nearly the best.
"""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgtl_ray.bench.tools.replay import replay
from dgtl_ray.bench.tools.replay_report import ReplayReport
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory
from dgtl_ray.recorded.importing import import_file
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.recorded_history import read_history_task
from dgtl_ray.recorded.tables import read_table

NEAR = 1.05
_SEEDS, _QUICK_SEEDS = 10, 1
_TRIALS, _QUICK_TRIALS = 400, 16
_SOURCE_ROWS = 500


def run(
    *,
    quick: bool,
    tables: Path | None = None,
    searches: Sequence[str] | None = None,
    seeds: int | None = None,
    trials: int | None = None,
) -> BenchReport:
    """Trials until one is within 5 % of the optimum, with imported files and without.

    Args:
        quick: One seed, few trials.
        tables: Folder of Kernel Tuner files, of one kernel on several devices.
        searches: Name of the search; `dgtl` where it is None.
        seeds: Runs of each.
        trials: The most of each run; a run that is not near by then counts as many.

    Raises:
        InputError: No folder was given, it has fewer than two files, or one cannot be read; or
            several searches were given.
    """
    files = sorted(tables.glob("*.json*")) if tables is not None else []
    if len(files) < 2:
        raise InputError("bench imported needs a folder of two recorded kernels or more: --tables")
    count = seeds or (_QUICK_SEEDS if quick else _SEEDS)
    most = trials or (_QUICK_TRIALS if quick else _TRIALS)
    search, *others = searches or ("dgtl",)
    if others:
        raise InputError("bench imported replays one search: give one --search")
    rows = [_row(file, files, search, range(count), most) for file in files]
    ratios = [row["with ÷ without"] for row in rows]
    return BenchReport(
        name="imported",
        tables=[BenchTable(title="trials until 1.05 × optimum, geometric mean", rows=rows)],
        figures={
            "with ÷ without, geometric mean": _mean(ratios),
            "with ÷ without, worst": max(ratios),
        },
        settings={
            "search": search,
            "seeds": count,
            "trials": most,
            "source_rows": _SOURCE_ROWS,
            "quick": quick,
        },
    )


def _row(
    target: Path, files: Sequence[Path], search: str, seeds: Sequence[int], most: int
) -> dict[str, Any]:
    """What a file's search took, with all others imported and without."""
    table = read_table(str(target))
    with tempfile.TemporaryDirectory(prefix="dgtl-imported-") as folder:
        uri = f"{folder}/history"
        for other in files:
            if other != target:
                # Old files name no device; the file's own name does.
                import_file(str(other), uri, device=read_table(str(other)).device.name)
        sources = _tasks(uri)
    needed = {
        bool(known): [
            trials_to_near(report, run, most)
            for report in [
                replay(
                    table,
                    search,
                    trials=most,
                    seeds=seeds,
                    sources=known,
                    source_rows=_SOURCE_ROWS,
                    near=NEAR,
                )
            ]
            for run in range(len(seeds))
        ]
        for known in ((), sources)
    }
    with_, without = _mean(needed[True]), _mean(needed[False])
    return {
        "target": table.name,
        "with imported files": with_,
        "without": without,
        "with ÷ without": with_ / without,
    }


def _tasks(uri: str) -> list[RecordedTable]:
    """Every task and device of a history, in the order of their keys: draws depend on it."""
    keys = ParquetHistory(uri).scan(columns=["workload_key", "device_key"]).to_pylist()
    distinct = sorted({(row["workload_key"], row["device_key"]) for row in keys})
    return [read_history_task(uri, f"{task}@{device}") for task, device in distinct]


def trials_to_near(report: ReplayReport, run: int, most: int) -> int:
    """Trials of a run until one was near the optimum; `most` where none was."""
    for trial, best_s in enumerate(report.runs[run].best_s, start=1):
        if best_s is not None and best_s <= NEAR * report.optimum_s:
            return trial
    return most


def _mean(numbers: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers))
