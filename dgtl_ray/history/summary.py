"""What a history holds, by network, task, device and target."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.history.objectives import is_time, metric_columns, objective_at, places_of_metrics

SUMMARY_COLUMNS = (
    "network",
    "task",
    "workload_key",
    "device_key",
    "target",
    "status",
    "cost_s",
    "metrics",
    "proposer",
    "run_id",
    "created_at",
)
# Of processors that share a device key, generations differ in their target.
TASK_KEYS = ("network", "task", "workload_key", "device_key", "target")


def summarise(table: Any) -> list[dict[str, str | int | float | None]]:
    """One row for each network, task, device and target of a table that has `SUMMARY_COLUMNS`."""
    is_ok = pc.equal(table.column("status"), pa.scalar(Status.OK.value))
    counted = table.append_column("ok", is_ok.cast(pa.int64()))
    counted = counted.append_column("place", places_of_metrics(table))
    grouped = counted.group_by(list(TASK_KEYS)).aggregate(
        [
            ("status", "count"),
            ("ok", "sum"),
            *(("cost_s", "min"), ("place", "min"), ("place", "max")),
            ("proposer", "distinct"),
            ("run_id", "count_distinct"),
            ("created_at", "max"),
        ]
    )
    rows = grouped.sort_by([(key, "ascending") for key in TASK_KEYS]).to_pylist()
    objectives = [objective_at(table, (row["place_min"], row["place_max"])) for row in rows]
    others = not all(map(is_time, objectives))
    targets = target_columns(rows)
    return [
        _summary_row(row, target, of, others)
        for row, target, of in zip(rows, targets, objectives, strict=True)
    ]


def target_columns(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """A column of targets, for rows that have `TASK_KEYS`; none where they tell nothing apart."""
    without = {tuple(row[key] for key in TASK_KEYS[:-1]) for row in rows}
    return [{"target": row["target"]} if len(without) < len(rows) else {} for row in rows]


def _summary_row(
    row: dict[str, Any], target: dict[str, str], objective: Objective | None, others: bool
) -> dict[str, str | int | float | None]:
    """A task's row; with what its cost is where that is no time with `others` of the history."""
    best_s = row["cost_s_min"] if is_time(objective) else None
    told = metric_columns(objective, row["cost_s_min"], None) if others else {}
    return {
        "network": row["network"],
        "task": row["task"],
        "device": row["device_key"],
        **target,
        "trials": row["status_count"],
        "ok": row["ok_sum"],
        "failed": row["status_count"] - row["ok_sum"],
        "best (ms)": None if best_s is None else best_s * 1e3,
        **{name: told[name] for name in ("objective", "best") if others},
        "search": ", ".join(sorted(row["proposer_distinct"])),
        "runs": row["run_id_count_distinct"],
        "last (UTC)": row["created_at_max"].strftime("%Y-%m-%d %H:%M"),
    }
