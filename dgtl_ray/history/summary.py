"""What a history holds, by network, task and device."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.core.measurement import Status

SUMMARY_COLUMNS = (
    "network",
    "task",
    "workload_key",
    "device_key",
    "status",
    "cost_s",
    "proposer",
    "run_id",
    "created_at",
)
_KEYS = ["network", "task", "workload_key", "device_key"]


def summarise(table: Any) -> list[dict[str, str | int | float | None]]:
    """One row for each network, task and device of a table that has `SUMMARY_COLUMNS`."""
    is_ok = pc.equal(table.column("status"), pa.scalar(Status.OK.value))
    counted = table.append_column("ok", is_ok.cast(pa.int64()))
    grouped = counted.group_by(_KEYS).aggregate(
        [
            ("status", "count"),
            ("ok", "sum"),
            ("cost_s", "min"),
            ("proposer", "distinct"),
            ("run_id", "count_distinct"),
            ("created_at", "max"),
        ]
    )
    rows = grouped.sort_by([(key, "ascending") for key in _KEYS]).to_pylist()
    return [_summary_row(row) for row in rows]


def _summary_row(row: dict[str, Any]) -> dict[str, str | int | float | None]:
    best_s = row["cost_s_min"]
    return {
        "network": row["network"],
        "task": row["task"],
        "device": row["device_key"],
        "trials": row["status_count"],
        "ok": row["ok_sum"],
        "failed": row["status_count"] - row["ok_sum"],
        "best (ms)": None if best_s is None else best_s * 1e3,
        "search": ", ".join(sorted(row["proposer_distinct"])),
        "runs": row["run_id_count_distinct"],
        "last (UTC)": row["created_at_max"].strftime("%Y-%m-%d %H:%M"),
    }
