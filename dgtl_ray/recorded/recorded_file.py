"""A file of another tuner as a recorded table."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.measure.known_gpus import known_name
from dgtl_ray.recorded.configs import check_knobs
from dgtl_ray.recorded.devices import device_of
from dgtl_ray.recorded.formats.detect import read_tasks
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.grouped import grouped_table, places_of_levels
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
    objective = task.objective
    return grouped_table(
        list(groups.values()),
        lambda row: objective.cost_of(row.metrics[objective.metric]),
        name=name,
        task_key=task.name,
        device=device,
        space=_space(task, list(groups)),
    )


def _space(task: ImportedTask, configs: Sequence[tuple[Level, ...]]) -> TableSpace:
    """The knobs with all values that the file declares, so that devices agree on the columns."""
    held = list(zip(*configs, strict=True))
    knobs = [
        TableKnob.of(name, [*map(told_level, task.declared.get(name, ())), *levels])
        for name, levels in zip(task.knobs, held, strict=True)
    ]
    return TableSpace(knobs, places_of_levels(knobs, held, len(configs)))
