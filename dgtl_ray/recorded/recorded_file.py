"""A file of another tuner as a recorded table."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import IntArray
from dgtl_ray.measure.known_gpus import known_name
from dgtl_ray.recorded.configs import check_knobs
from dgtl_ray.recorded.devices import device_of
from dgtl_ray.recorded.formats.detect import read_tasks
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.space import TableKnob, TableSpace
from dgtl_ray.space.table_knob import Level, told_level


def read_file(path: Path, hints: Hints | None = None) -> RecordedTable:
    """The only task of a file.

    A file without a device's name is taken to be of the device that its own name mentions. A
    configuration that it has more than once has its median cost, and has failed where it ever did.

    Args:
        path: Of the file.
        hints: What it does not say.

    Raises:
        InputError: The file cannot be read, holds several tasks, or nothing in it ever ran; or a
            knob holds what no model can take.
    """
    tasks = read_tasks(path, hints or Hints())
    if len(tasks) != 1:
        names = ", ".join(sorted({task.name for task in tasks})[:5])
        raise InputError(
            f"{path} holds {len(tasks)} tasks ({names}): `dgtl history import` it, and name one as "
            "URI#workload"
        )
    stem = path.name.removesuffix(".gz").removesuffix(".json")
    called = "" if tasks[0].device_name else known_name(stem) or stem
    return _table(stem, tasks[0], device_of(tasks[0], called))


def _table(name: str, task: ImportedTask, device: DeviceDescriptor) -> RecordedTable:
    check_knobs(task)
    groups: dict[tuple[Level, ...], list[ImportedRow]] = defaultdict(list)
    for row in task.rows:
        groups[tuple(told_level(row.config.get(knob)) for knob in task.knobs)].append(row)
    firsts = [rows[0] for rows in groups.values()]
    status = tuple(_status(rows) for rows in groups.values())
    cost_s = [
        _cost_s(task, rows) if outcome is Status.OK else np.nan
        for rows, outcome in zip(groups.values(), status, strict=True)
    ]
    return RecordedTable(
        name=name,
        task_key=task.name,
        device=device,
        space=_space(task, list(groups)),
        cost_s=np.array(cost_s),
        status=status,
        compile_s=np.array([row.build_s for row in firsts]),
        benchmark_s=np.array([row.timing_s for row in firsts]),
    )


def _status(rows: Sequence[ImportedRow]) -> Status:
    return next((row.status for row in rows if row.status is not Status.OK), Status.OK)


def _cost_s(task: ImportedTask, rows: Sequence[ImportedRow]) -> float:
    objective = task.objective
    return median(objective.cost_of(row.metrics[objective.metric]) for row in rows)


def _space(task: ImportedTask, configs: Sequence[tuple[Level, ...]]) -> TableSpace:
    """The knobs with all values that the file declares, so that devices agree on the columns."""
    knobs = [
        TableKnob.of(name, [*map(told_level, task.declared.get(name, ())), *held])
        for name, held in zip(task.knobs, zip(*configs, strict=True), strict=True)
    ]
    columns = [
        [knob.index[level] for level in held]
        for knob, held in zip(knobs, zip(*configs, strict=True), strict=True)
    ]
    rows: IntArray = np.array(columns, dtype=np.int32).reshape(len(knobs), len(configs)).T
    return TableSpace(knobs, rows)
