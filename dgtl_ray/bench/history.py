"""How long a large history takes: one task's rows, statistics, export and import; DuckDB beside it.

Rows are made from a seed, as wide as those of real runs (143 features, 40 repeats): a file for each
run of 50,000, 20 tasks to a run, each on 4 devices. Every look is taken in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from dgtl_ray.bench.tools.made_history import (
    DEVICES,
    RUN_ROWS,
    task_key,
    write_made_cache,
    write_made_history,
)
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.errors import ExperimentError

_ROWS = (1_000_000, 10_000_000)
_QUICK_ROWS = (2_000,)
# A Kernel Tuner cache of more is larger than a file may be that is imported.
_MOST_IMPORTED = 200_000
_REPEATS = 3
_MB = 1e6
# Copied and written once: gigabytes.
_ONCE = ("export_rows", "duckdb_export_rows", "import_rows")


def run(
    *,
    quick: bool,
    rows: Sequence[int] | None = None,
    seed: int | None = None,
    runs: Path | None = None,
) -> BenchReport:
    """Take all looks at a history of each length.

    Args:
        quick: A smoke run.
        rows: Lengths of the histories.
        seed: Of what is in them.
        runs: Folder that keeps the histories for another time.
    """
    lengths = tuple(rows or (_QUICK_ROWS if quick else _ROWS))
    seed, repeats = seed or 0, 1 if quick else _REPEATS
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dgtl-history-")))
        kept = scratch if runs is None else runs
        looks = [
            look for length in lengths for look in _looks(kept, scratch, length, seed, repeats)
        ]
    rows_per_s = {
        f"{row['rows']:,} rows, {row['what']} (rows/s)": row["rows/s"]
        for row in looks
        if row["rows/s"] is not None
    }
    seconds = {
        f"{row['rows']:,} rows, {row['what']} (s)": row["s"] for row in looks if not row["rows/s"]
    }
    return BenchReport(
        name="history",
        tables=[BenchTable(title="each in a process of its own", rows=looks)],
        figures=seconds | rows_per_s,
        settings={"rows": list(lengths), "seed": seed, "repeats": repeats, "quick": quick},
    )


def _looks(kept: Path, scratch: Path, length: int, seed: int, repeats: int) -> list[dict[str, Any]]:
    """A row for each thing that is done with a history of some length."""
    uri = _made(kept, length, seed)
    network = length // RUN_ROWS // DEVICES // 2
    key = task_key(network, 7)
    cache, imported = scratch / "made.json", min(length, _MOST_IMPORTED)
    write_made_cache(cache, imported, seed)
    out, into = str(scratch / "out"), str(scratch / "into")
    one_task, given = {"uri": uri, "key": key}, {"file": str(cache), "into": into}
    told = [
        _row("one task's rows", length, "task_rows", one_task, repeats),
        _row("stats", length, "stats", {"uri": uri}, repeats),
        _row("export", length, "export_rows", {"uri": uri, "out": out}, repeats),
        _row("import of Kernel Tuner's", imported, "import_rows", given, repeats),
    ]
    for path in (out, f"{out}.parquet", into):
        shutil.rmtree(path, ignore_errors=True) if Path(path).is_dir() else Path(path).unlink(True)
    return told


def _made(folder: Path, length: int, seed: int) -> str:
    """Address of the history of some length, made if it is not kept."""
    place = folder / f"made-{length}-{seed}"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f".{place.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_made_history(unfinished, length, seed)
        unfinished.rename(place)
    return str(place)


def _row(
    what: str, length: int, job: str, request: Mapping[str, str], repeats: int
) -> dict[str, Any]:
    """One thing by this program, and by DuckDB where it does it."""
    ours = _answer(job, request, repeats)
    row = {"rows": length, "what": what, "s": ours["wall_s"], "peak (MB)": ours["peak"] / _MB}
    rate = length / ours["wall_s"] if job in _ONCE else None
    theirs: Mapping[str, Any] = {}
    if job != "import_rows":
        other = {**request, **({"out": request["out"] + ".parquet"} if "out" in request else {})}
        theirs = _answer(f"duckdb_{job}", other, repeats)
        if job != "stats" and theirs["rows"] != ours["rows"]:
            raise ExperimentError(f"{what}: {ours['rows']} rows, DuckDB finds {theirs['rows']}")
    return row | {
        "rows/s": rate,
        "DuckDB (s)": theirs.get("wall_s"),
        "DuckDB peak (MB)": theirs["peak"] / _MB if theirs else None,
    }


def _answer(job: str, request: Mapping[str, str], repeats: int) -> dict[str, Any]:
    """The median of some processes' seconds, and the most memory of any.

    Raises:
        ExperimentError: One failed; the text says how.
    """
    answers = [_asked({"job": job, **request}) for _ in range(1 if job in _ONCE else repeats)]
    return {
        "rows": answers[0]["rows"],
        "wall_s": median(answer["wall_s"] for answer in answers),
        "peak": max(answer["peak"] for answer in answers),
    }


def _asked(request: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "dgtl_ray.bench.tools.history_job"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    if done.returncode != 0:
        raise ExperimentError(
            f"{request['job']} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
