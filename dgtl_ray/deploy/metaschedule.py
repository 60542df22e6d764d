"""Schedules as a JSON database of MetaSchedule's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm
from tvm import tirx
from tvm.s_tir import meta_schedule as ms

from dgtl_ray.model import Network, TargetSpec, workload_key
from dgtl_ray.space.sketches.whole_trace import whole_trace


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A schedule, as `apply_schedule` takes it, and the latency of the layer with it."""

    schedule: str
    latency_s: float


def write_database(
    network: Network, target: TargetSpec, chosen: Mapping[str, Timed], folder: Path
) -> None:
    """Write both files of a database that `relax.transform.MetaScheduleApplyDatabase` applies.

    Each layer is written as the lowered network calls it, so that it is found there.

    Args:
        network: Lowered for `target`.
        target: What the schedules are for.
        chosen: By workload key.
        folder: An empty one.

    Raises:
        ScheduleError: A schedule does not fit its layer.
        InputError: A schedule has no trace.
    """
    database = ms.database.JSONDatabase(work_dir=str(folder))
    programs = {task.workload_key: task.program for task in network.tasks}
    parsed = tvm.target.Target(target.json)
    traces = {
        key: whole_trace(programs[key], target.json, timed.schedule)
        for key, timed in chosen.items()
    }
    for _, function in network.module.functions_items():
        if isinstance(function, tirx.PrimFunc) and (key := workload_key(function)) in chosen:
            layer = _as_looked_up(function)
            record = ms.database.TuningRecord(
                traces[key],
                database.commit_workload(layer),
                [chosen[key].latency_s],
                parsed,
                ms.arg_info.ArgInfo.from_entry_func(layer, remove_preproc=False),
            )
            database.commit_tuning_record(record)


def _as_looked_up(function: Any) -> Any:
    """The module by which the pass looks a function up."""
    return tvm.IRModule(
        {"main": function.with_attr({"global_symbol": "main", "tirx.noalias": True})}
    )
