"""A task in a history as a recorded table."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.measurement import Measurement, TimedIn
from dgtl_ray.history import ParquetHistory, row_filter
from dgtl_ray.recorded.grouped import grouped_table, places_of_levels
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.space import TableKnob, TableSpace
from dgtl_ray.space.encoded_table import EncodedTableSpace
from dgtl_ray.space.table_knob import Level, told_level


def read_history_task(uri: str, workload: str) -> RecordedTable:
    """The configurations of one task that a history holds, as they were measured on one device.

    A configuration that was measured more than once has its median latency, and has failed where
    it ever did. Building and timing cost what they cost the first time. Only times that were taken
    alike count: those of kernels by themselves, and of them those that say how much passed through
    the caches, where there are any.

    Args:
        uri: Of the history.
        workload: The task's workload key; `KEY@DEVICE_KEY` where it was measured on several
            devices, `KEY@DEVICE_KEY@TARGET` where the devices of one key have several targets.

    Raises:
        InputError: The history cannot be read, or holds no such task, or it on several devices, or
            no configuration of it that was timed by itself.
    """
    key, _, device = workload.partition("@")
    store = ParquetHistory(uri)
    store.require_rows()
    rows = [row for row in store.measurements(row_filter(workload_key=key)) if row.config]
    if not rows:
        known = sorted({row["workload_key"] for row in _keys(store)})
        raise InputError(f"{store.uri} holds no configuration of workload {key!r}; it has: {known}")
    rows = _timed_alike(_of_one_device(rows, store.uri, key, device))
    by_config: dict[frozenset[tuple[str, Level]], list[Measurement]] = {}
    for row in rows:
        by_config.setdefault(frozenset(_levels(row).items()), []).append(row)
    groups = [group for group in by_config.values() if _telling(group) is not None]
    if not groups:
        raise InputError(
            f"{store.uri} holds no configuration of workload {key!r} that was timed by itself,"
            " with its encoding: tune it anew"
        )
    return _table(groups)


def _keys(store: ParquetHistory) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = store.scan(columns=["workload_key"]).to_pylist()
    return keys


def _of_one_device(
    rows: Sequence[Measurement], uri: str, key: str, wanted: str
) -> list[Measurement]:
    """The rows on one device, for one target: a device's generations may differ in that alone.

    Raises:
        InputError: What is wanted fits none, or several.
    """
    places = sorted({(row.device_key, row.target) for row in rows})
    fitting = [place for place in places if wanted in ("", place[0], "@".join(place))]
    if len(fitting) != 1:
        choices = ", ".join(shlex.quote(f"{uri}#{key}@{told}") for told in _told(places))
        raise InputError(f"workload {key!r} was measured on {len(places)} devices: {choices}")
    return [row for row in rows if (row.device_key, row.target) == fitting[0]]


def _timed_alike(rows: Sequence[Measurement]) -> list[Measurement]:
    """Rows whose costs may be compared, and every failure."""
    alone = [row for row in rows if row.cost_s is None or row.timed_in is not TimedIn.NETWORK]
    passed = any(row.cost_s is not None and row.passed_bytes is not None for row in alone)
    return [row for row in alone if row.cost_s is None or (row.passed_bytes is not None) is passed]


def _telling(group: Sequence[Measurement]) -> Measurement | None:
    """The measurement of a configuration that has its encoding; a function's need none."""
    return next((row for row in group if row.encoding or row.target == FUNCTION_TARGET), None)


def _told(places: Sequence[tuple[str, str]]) -> list[str]:
    """Devices by their keys, with the target where that alone tells two apart."""
    count = Counter(device for device, _ in places)
    return [device if count[device] == 1 else f"{device}@{target}" for device, target in places]


def _table(groups: Sequence[Sequence[Measurement]]) -> RecordedTable:
    """One row for each group: the measurements of one configuration."""
    telling = [row for row in map(_telling, groups) if row is not None]
    one = telling[0]
    return grouped_table(
        groups,
        lambda row: row.cost_s,
        name=f"{one.network} {one.task}",
        task_key=one.workload_key,
        device=DeviceDescriptor(**dict(one.device)),  # type: ignore[arg-type]
        space=_space(telling),
    )


def _space(rows: Sequence[Measurement]) -> TableSpace:
    """The knobs of all sketches side by side; a knob that a sketch lacks holds None.

    A function's configurations are told by their knobs alone, so that what is learned of one is
    told in another's columns.
    """
    configs = [_levels(row) for row in rows]
    names = dict.fromkeys(name for config in configs for name in config)
    held = [[config.get(name) for config in configs] for name in names]
    knobs = [TableKnob.of(name, levels) for name, levels in zip(names, held, strict=True)]
    indices = places_of_levels(knobs, held, len(rows))
    if rows[0].target == FUNCTION_TARGET:
        return TableSpace(knobs, indices)
    width = min(len(row.encoding) for row in rows)
    if width != max(len(row.encoding) for row in rows):
        raise InputError("the history encodes this task in several ways: tune it anew")
    return EncodedTableSpace(
        knobs,
        indices,
        encoding=np.array([row.encoding for row in rows], dtype=np.float32),
        kind=str(rows[0].device["kind"]),
    )


def _levels(row: Measurement) -> Mapping[str, Level]:
    try:
        return {name: told_level(value) for name, value in json.loads(row.config).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"measurement {row.measurement_id} has no readable configuration: {row.config!r}"
        ) from error
