"""Imported rows as rows of a history, column by column: files may hold millions."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.function import FUNCTION_TARGET, function_task
from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.history import SCHEMA
from dgtl_ray.recorded.configs import configs_of
from dgtl_ray.recorded.formats.task import ImportedTask


def rows_of(task: ImportedTask, device: DeviceDescriptor, when: datetime) -> Any:
    """The task's rows as a `pyarrow.Table` with the history's schema.

    Each is a row of a user's function: whatever has the same knobs can learn from it.

    Args:
        task: At least one row.
        device: Where it was measured.
        when: For rows that do not say.

    Raises:
        InputError: A configuration that JSON cannot hold, or a number that no model can take.
    """
    rows = task.rows
    configs = configs_of(task)
    run_id = _run_id(task, device, configs[0])
    numbers = range(len(rows)) if task.numbers is None else task.numbers
    lasting = () if task.conditional else task.knobs
    layer = function_task(task.name, lasting, task.objective)
    meaning = json.dumps([layer.workload_key, lasting]).encode()
    constants: dict[str, Any] = {
        "run_id": run_id,
        "network": task.name,
        "task": task.name,
        "operator": layer.operator,
        "workload_key": layer.workload_key,
        "arg_shapes": [],
        "arg_dtypes": [],
        "flop": 0.0,
        "weight": 1,
        "target": FUNCTION_TARGET,
        "device_key": device.key,
        "device": device.as_dict(),
        "toolchain": list(task.toolchain.items()),
        "space_key": hashlib.sha256(meaning).hexdigest()[:16],
        "encoding": [],
        "proposer": task.tool,
        "stage": Stage.SEARCH.value,
        "seed": 0,
    }
    objective = task.objective
    told: dict[str, Sequence[Any]] = {
        "measurement_id": [f"{run_id}-{k}" for k in numbers],
        "trial": numbers,
        "config": configs,
        "status": [row.status.value for row in rows],
        "error": [row.error for row in rows],
        "repeats_s": [row.repeats_s for row in rows],
        "cost_s": [
            objective.cost_of(row.metrics[objective.metric]) if row.status is Status.OK else None
            for row in rows
        ],
        "build_s": [row.build_s for row in rows],
        "timing_s": [row.timing_s for row in rows],
        "metrics": [list(row.metrics.items()) if row.metrics else None for row in rows],
        "created_at": [row.created_at or when for row in rows],
    }
    return _table(len(rows), constants, told)


def _table(count: int, constants: Mapping[str, Any], told: Mapping[str, Sequence[Any]]) -> Any:
    columns = []
    for field in SCHEMA:
        if field.name in told:
            columns.append(pa.array(told[field.name], field.type))
        elif field.name in constants:
            one = pa.array([constants[field.name]], field.type)
            columns.append(one.take(pa.repeat(pa.scalar(0), count)))
        else:
            columns.append(pa.nulls(count, field.type))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _run_id(task: ImportedTask, device: DeviceDescriptor, config: str) -> str:
    """Name of the run: of its task, its device, and what is known of it from the beginning.

    That is its first measurement, whatever follows. Where trials have numbers the first may end
    after others: it is then what they are judged by, and when the first of them began.
    """
    told: list[Any] = [task.tool, task.name, task.toolchain.get("target", ""), device.key]
    if task.numbers is None:
        first = task.rows[0]
        told += [config, first.status, first.error]
        told += [sorted(first.metrics.items()), first.repeats_s, str(first.created_at)]
    else:
        told += [task.objective.metric, task.objective.mode, str(task.began)]
    text = json.dumps(told)
    return f"{task.tool}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
