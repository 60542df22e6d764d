"""One look at a history in a process of its own: seconds, and the most memory it took.

`python -m dgtl_ray.bench.tools.history_job`: a JSON request on standard input, the answer on
standard output. What is imported is imported before the clock starts.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = Callable[[], int]
_DUCKDB_STATS = """
    SELECT network, task, workload_key, device_key, count(*), count(*) FILTER (status = 'ok'),
           min(cost_s), max(cost_s), sum(build_s + timing_s), count(DISTINCT run_id),
           min(created_at), max(created_at)
    FROM {rows} GROUP BY ALL
"""


def task_rows(uri: str, key: str) -> Job:
    """All columns of one task's rows."""
    from dgtl_ray.history import ParquetHistory, row_filter

    return lambda: int(ParquetHistory(uri).scan(where=row_filter(workload_key=key)).num_rows)


def stats(uri: str) -> Job:
    """What `dgtl history stats` prints."""
    from dgtl_ray.history import STATISTICS_COLUMNS, ParquetHistory, statistics

    def look() -> int:
        history = ParquetHistory(uri)
        history.require_rows()
        return statistics(history.scan(columns=STATISTICS_COLUMNS)).rows

    return look


def export_rows(uri: str, out: str) -> Job:
    """What `dgtl history export` writes."""
    from dgtl_ray.history import export

    return lambda: export(uri, out).rows


def import_rows(file: str, into: str) -> Job:
    """What `dgtl history import` adds."""
    from dgtl_ray.recorded.importing import import_file

    return lambda: import_file(file, into).added


def duckdb_task_rows(uri: str, key: str) -> Job:
    """The same by plain DuckDB."""
    return _duckdb(uri, f"FROM {{rows}} WHERE workload_key = '{key}'")


def duckdb_stats(uri: str) -> Job:
    """Numbers like those of `stats` by plain DuckDB."""
    return _duckdb(uri, _DUCKDB_STATS)


def duckdb_export_rows(uri: str, out: str) -> Job:
    """A copy by plain DuckDB, as it compresses."""
    import duckdb

    rows = f"read_parquet('{uri}/*.parquet')"
    query = f"COPY (FROM {rows}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)"
    return lambda: int(duckdb.connect().execute(query).fetchall()[0][0])


def _duckdb(uri: str, query: str) -> Job:
    import duckdb

    text = query.format(rows=f"read_parquet('{uri}/*.parquet')")
    return lambda: int(duckdb.sql(text).to_arrow_table().num_rows)


JOBS: dict[str, Callable[..., Job]] = {
    job.__name__: job
    for job in (
        *(task_rows, stats, export_rows, import_rows),
        *(duckdb_task_rows, duckdb_stats, duckdb_export_rows),
    )
}


def main() -> None:
    """Answer one request: `job`, and what it takes."""
    request: dict[str, Any] = json.load(sys.stdin)
    job = JOBS[request.pop("job")](**request)
    start = time.perf_counter()
    rows = job()
    print(json.dumps({"rows": rows, "wall_s": time.perf_counter() - start, "peak": peak_bytes()}))


def peak_bytes() -> int:
    """The most memory that this process had so far."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError("this system does not tell how much memory a process took")
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
