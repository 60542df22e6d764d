"""A history at a glance: how much of what, how it ended, how fast, how long it took."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.core.measurement import Status
from dgtl_ray.history.objectives import is_time, metric_columns, objective_at, places_of_metrics
from dgtl_ray.history.summary import TASK_KEYS, target_columns

STATISTICS_COLUMNS = (
    *TASK_KEYS,
    *("status", "cost_s", "build_s", "timing_s", "run_id", "metrics", "created_at"),
)


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What a history holds as a whole.

    Attributes:
        networks: Distinct ones; so are tasks, devices and runs.
        statuses: Trials by how they ended, the most frequent first.
        build_s: Seconds of building, all trials together; so are those of timing.
        first: When the oldest measurement was made, ISO 8601, UTC; "" where there is none.
        last: The newest.
        devices: One row a device: tasks, trials, failed, seconds.
        fastest: One row a task, device and target, which is told where it differs for one device:
            trials, failed, the best and the slowest latency; where a function has another metric,
            also the objective, its best and its worst value.
    """

    rows: int
    networks: int
    tasks: int
    runs: int
    statuses: dict[str, int]
    build_s: float
    timing_s: float
    first: str
    last: str
    devices: tuple[dict[str, Any], ...]
    fastest: tuple[dict[str, Any], ...]

    def facts(self) -> dict[str, Any]:
        """What holds of the whole, by name."""
        failed = self.rows - self.statuses.get(Status.OK, 0)
        return {
            "measurements": self.rows,
            "failed": failed,
            **{f"  {status}": n for status, n in self.statuses.items() if status != Status.OK},
            "networks": self.networks,
            "tasks": self.tasks,
            "devices": len(self.devices),
            "runs": self.runs,
            "building (s)": round(self.build_s, 1),
            "timing (s)": round(self.timing_s, 1),
            "first": self.first,
            "last": self.last,
        }


def statistics(table: Any) -> Statistics:
    """Statistics of a table that has `STATISTICS_COLUMNS`."""
    is_ok = pc.equal(table.column("status"), pa.scalar(Status.OK.value)).cast(pa.int64())
    spent_s = pc.add(table.column("build_s"), table.column("timing_s"))
    told = table.append_column("ok", is_ok).append_column("spent_s", spent_s)
    moments = pc.min_max(table.column("created_at")).as_py()
    return Statistics(
        rows=table.num_rows,
        networks=pc.count_distinct(table.column("network")).as_py(),
        tasks=pc.count_distinct(table.column("workload_key")).as_py(),
        runs=pc.count_distinct(table.column("run_id")).as_py(),
        statuses=_counted(table.column("status")),
        build_s=pc.sum(table.column("build_s")).as_py() or 0.0,
        timing_s=pc.sum(table.column("timing_s")).as_py() or 0.0,
        first=_iso(moments["min"]),
        last=_iso(moments["max"]),
        devices=_devices(told),
        fastest=_fastest(told),
    )


def _counted(column: Any) -> dict[str, int]:
    counts = {item["values"]: item["counts"] for item in pc.value_counts(column).to_pylist()}
    return dict(Counter(counts).most_common())


def _devices(table: Any) -> tuple[dict[str, Any], ...]:
    grouped = table.group_by("device_key").aggregate(
        [("workload_key", "count_distinct"), ("status", "count"), ("ok", "sum"), ("spent_s", "sum")]
    )
    return tuple(
        {
            "device": row["device_key"],
            "tasks": row["workload_key_count_distinct"],
            "trials": row["status_count"],
            "failed": row["status_count"] - row["ok_sum"],
            "spent (s)": round(row["spent_s_sum"], 1),
        }
        for row in grouped.sort_by("device_key").to_pylist()
    )


def _fastest(table: Any) -> tuple[dict[str, Any], ...]:
    told = table.append_column("place", places_of_metrics(table))
    grouped = told.group_by(list(TASK_KEYS)).aggregate(
        [
            *(("status", "count"), ("ok", "sum"), ("cost_s", "min"), ("cost_s", "max")),
            *(("place", "min"), ("place", "max")),
        ]
    )
    rows = grouped.sort_by([(key, "ascending") for key in TASK_KEYS]).to_pylist()
    objectives = [objective_at(table, (row["place_min"], row["place_max"])) for row in rows]
    others = not all(map(is_time, objectives))
    return tuple(
        {
            "network": row["network"],
            "task": row["task"],
            "device": row["device_key"],
            **target,
            "trials": row["status_count"],
            "failed": row["status_count"] - row["ok_sum"],
            "best (ms)": _ms(row["cost_s_min"]) if is_time(objective) else None,
            "slowest (ms)": _ms(row["cost_s_max"]) if is_time(objective) else None,
            **(metric_columns(objective, row["cost_s_min"], row["cost_s_max"]) if others else {}),
        }
        for row, target, objective in zip(rows, target_columns(rows), objectives, strict=True)
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _iso(moment: Any) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
