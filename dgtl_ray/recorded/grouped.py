"""The measurements of each configuration, as the rows of a recorded table."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Protocol, TypeVar

import numpy as np

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import IntArray
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.space import TableKnob, TableSpace
from dgtl_ray.space.table_knob import Level


class Measured(Protocol):
    """One measurement, of a file or of a history."""

    @property
    def status(self) -> Status:
        """How it ended."""
        ...

    @property
    def build_s(self) -> float:
        """What building took."""
        ...

    @property
    def timing_s(self) -> float:
        """What timing took."""
        ...


Row = TypeVar("Row", bound=Measured)


def grouped_table(
    groups: Sequence[Sequence[Row]],
    cost_of: Callable[[Row], float | None],
    *,
    name: str,
    task_key: str,
    device: DeviceDescriptor,
    space: TableSpace,
) -> RecordedTable:
    """A table with a row for each group: the measurements of one configuration.

    It has their median cost, and has failed where it ever did. Building and timing cost what they
    cost the first time.

    Args:
        groups: In the order of the space's rows.
        cost_of: The cost of a measurement that was ok.
        name: As the table's.
        task_key: Likewise.
        device: Likewise.
        space: Likewise.

    Raises:
        InputError: No configuration of it ever ran.
    """
    firsts = [group[0] for group in groups]
    status = tuple(map(_status, groups))
    cost_s = [
        median(cost for row in group if (cost := cost_of(row)) is not None)
        if outcome is Status.OK
        else np.nan
        for group, outcome in zip(groups, status, strict=True)
    ]
    return RecordedTable(
        name=name,
        task_key=task_key,
        device=device,
        space=space,
        cost_s=np.array(cost_s),
        status=status,
        compile_s=np.array([row.build_s for row in firsts]),
        benchmark_s=np.array([row.timing_s for row in firsts]),
    )


def _status(group: Sequence[Measured]) -> Status:
    return next((row.status for row in group if row.status is not Status.OK), Status.OK)


def places_of_levels(
    knobs: Sequence[TableKnob], held: Sequence[Sequence[Level]], count: int
) -> IntArray:
    """Configurations (count × knobs) as places among the levels of their knobs.

    Args:
        knobs: The columns.
        held: Of each knob, its level in every configuration.
        count: Of configurations; without any knob nothing else tells it.
    """
    columns = [
        [knob.index[level] for level in levels] for knob, levels in zip(knobs, held, strict=True)
    ]
    places: IntArray = np.array(columns, dtype=np.int32).reshape(len(knobs), count).T
    return places
