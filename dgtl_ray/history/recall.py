"""What was fast of a task on other devices: worth a trial on this one."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import chain, zip_longest
from typing import Any

import pyarrow.compute as pc

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Measurement, Status, TimedIn
from dgtl_ray.history.filters import row_filter
from dgtl_ray.history.protocol import HistoryStore

# Of each task on each device: its fastest, if they are at most this factor slower than the best.
_FASTEST, _WITHIN = 3, 1.1


def recall_fastest(
    histories: Sequence[HistoryStore],
    workload_keys: Collection[str],
    device: DeviceDescriptor,
    target: str,
) -> list[Measurement]:
    """The fastest configurations of tasks on other devices of the same kind.

    Those of a device with the same name, number of cores and length of vectors come first, then of
    one with vectors as long, then the others'; within a task, one of each device in turn. Devices
    are told apart by target, too: generations of one vendor's processors may share a name. Times of
    layers alone are compared, and what ever gave a wrong result there is out.

    Raises:
        InputError: A history cannot be read.
    """
    told = [Status.OK.value, Status.WRONG_RESULT.value]
    of_tasks = row_filter(workload_key=list(workload_keys), status=told)
    where = of_tasks & _elsewhere(device, target)
    measured: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    for row in chain.from_iterable(store.measurements(where) for store in histories):
        if row.config and row.timed_in is not TimedIn.NETWORK:
            measured[row.workload_key, row.device_key, row.target].append(row)
    ranked: dict[str, list[list[Measurement]]] = defaultdict(list)
    for (task, *_), rows in sorted(measured.items(), key=lambda of: _distance(of[1][0], device)):
        ranked[task].append(_fastest(rows))
    return [row for of_task in ranked.values() for row in _in_turn(of_task)]


def _elsewhere(device: DeviceDescriptor, target: str) -> Any:
    key = pc.field("device_key")
    other = (key != device.key) | (pc.field("target") != target)
    return pc.starts_with(key, f"{device.kind}/") & other


def _distance(row: Measurement, device: DeviceDescriptor) -> tuple[bool, bool, str, str]:
    there = row.device
    alike = there["vector_lanes"] == device.vector_lanes
    twin = alike and there["name"] == device.name and there["cores"] == device.cores
    return not twin, not alike, row.device_key, row.target


def _fastest(rows: Sequence[Measurement]) -> list[Measurement]:
    """The fastest rows, each of another configuration."""
    wrong = {row.config for row in rows if row.status is Status.WRONG_RESULT}
    timed = [(row.cost_s, row) for row in rows if row.cost_s and row.config not in wrong]
    timed.sort(key=lambda of: (of[0], of[1].measurement_id))
    best: dict[str, tuple[float, Measurement]] = {}
    for cost_s, row in timed:
        best.setdefault(row.config, (cost_s, row))
    fastest = list(best.values())[:_FASTEST]
    return [row for cost_s, row in fastest if cost_s <= _WITHIN * fastest[0][0]]


def _in_turn(ranked: Sequence[Sequence[Measurement]]) -> list[Measurement]:
    """The first of each, then the second, and so on; each configuration once."""
    once: dict[str, Measurement] = {}
    for row in chain.from_iterable(zip_longest(*ranked)):
        if row is not None:
            once.setdefault(row.config, row)
    return list(once.values())
