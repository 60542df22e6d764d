"""What histories tell of a user's function: other functions, sizes and devices with its knobs."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow.compute as pc

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.knowledge import Knowledge, SourceTask
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.progress import Monitor
from dgtl_ray.history import HistoryStore, SourceKey, row_filter, why_unusable_for_function
from dgtl_ray.history.sources import (
    distinct_rows,
    groups_of_rows,
    source_key,
    telling_rows,
    told_apart,
)
from dgtl_ray.search import learns_from_sources
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.table_knob import Level, told_level

# What is read of every row; configurations, most of the bytes, are read of chosen rows alone.
_LIGHT = ["measurement_id", *SourceKey._fields, "cost_s"]
_COLUMNS = [*_LIGHT, "task", "device", "config"]
# A source tells of the target where it has this share of its knobs, or more.
_LEAST_SHARED = 0.5
# Rows of one source that are learned from: more take longer than they teach.
_MOST_ROWS = 2000


def function_observations(
    stores: Sequence[HistoryStore], workload_key: str, device: DeviceDescriptor
) -> list[Measurement]:
    """Rows of the very function on this kind of device, each once."""
    where = row_filter(workload_key=workload_key, device_key=device.key, target=FUNCTION_TARGET)
    rows = [row for store in stores for row in store.measurements(where)]
    return list({row.measurement_id: row for row in rows}.values())


def knowledge_of_others(
    stores: Sequence[HistoryStore],
    space: KnobSpace,
    own: SourceKey,
    *,
    search: str,
    monitor: Monitor,
    is_named: bool,
) -> Knowledge:
    """What a search learns of other functions and devices before it begins.

    Args:
        stores: Histories, whoever wrote them.
        space: Of the function that is tuned.
        own: It, on its device: those rows are observations.
        search: Name of the proposer that is to learn.
        monitor: Told how it goes.
        is_named: Whether a user named any of the histories: then it is told why they teach nothing.

    Raises:
        InputError: A history cannot be read.
    """
    if not stores or not learns_from_sources(search):
        return Knowledge()
    known = Knowledge(sources=function_sources(stores, space, own))
    if is_named and not known.sources:
        reasons = why_unusable_for_function(stores, own)
        monitor.note(f"history tells nothing of other functions or devices; {reasons}")
    if search != "dgtl":
        return known
    # It imports Ray, which who asks and tells without an engine need not wait for.
    from dgtl_ray.run.knowledge import pretrained

    return pretrained(known, monitor)


def function_sources(
    stores: Sequence[HistoryStore], space: KnobSpace, own: SourceKey
) -> tuple[SourceTask, ...]:
    """One source for each function and device whose configurations have knobs of this space.

    Configurations are told anew in this space's columns, knobs matched by name. Of a source with
    many rows, half of what is taken are its fastest and half a random sample of the others, as
    with layers.

    Args:
        stores: Histories, whoever wrote them.
        space: Of the function that is tuned.
        own: It, on its device: those rows are observations.
    """
    if not stores:
        return ()
    where = pc.field("target") == FUNCTION_TARGET
    chosen = _chosen(
        distinct_rows([store.scan(where=where, columns=_LIGHT) for store in stores]), own
    )
    if not chosen:
        return ()
    wanted = row_filter(measurement_id=chosen)
    whole = distinct_rows([store.scan(where=wanted, columns=_COLUMNS) for store in stores])
    found = (_source(whole.take(rows).to_pylist(), space) for rows in groups_of_rows(whole))
    return told_apart([source for source in found if source is not None])


def _chosen(light: Any, own: SourceKey) -> list[str]:
    """Names of the measurements that are learned from: of each source, not more than teach."""
    cost_s = light.column("cost_s").to_numpy()
    picked = [
        rows[telling_rows(cost_s[rows], _MOST_ROWS)]
        for rows in groups_of_rows(light)
        if source_key(light, rows) != own
    ]
    ids = light.column("measurement_id")
    return [name for rows in picked for name in ids.take(rows).to_pylist()]


def _source(rows: Sequence[Mapping[str, Any]], space: KnobSpace) -> SourceTask | None:
    """A source of rows that are all of one function and device; None where it tells too little."""
    read = [(row, values) for row in rows if (values := _values(row["config"])) is not None]
    names = [knob.name for knob in space.knobs]
    shared = [name for name in names if read and all(name in values for _, values in read)]
    if len(shared) < _LEAST_SHARED * len(names):
        return None
    first = read[0][0]
    device = DeviceDescriptor(**first["device"])
    columns = {name: [values[name] for _, values in read] for name in shared}
    costs = [np.nan if row["cost_s"] is None else row["cost_s"] for row, _ in read]
    return SourceTask(
        name=f"{first['task']} on {device.name}",
        encoding=space.encode_values(columns, len(read), device),
        cost_s=np.array(costs),
        device=device,
        task_key=first["workload_key"],
    )


def _values(config: str) -> dict[str, Level] | None:
    """The values of a configuration by knob, None where it is none of a user's function."""
    with suppress(ValueError, TypeError, AttributeError):
        return {name: told_level(value) for name, value in json.loads(config).items()}
    return None
