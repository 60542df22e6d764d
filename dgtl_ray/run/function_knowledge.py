"""What histories tell of a user's function: other functions, sizes and devices with its knobs."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow.compute as pc

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history import HistoryStore, row_filter
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.table_knob import Level, told_level

_COLUMNS = [
    *("measurement_id", "workload_key", "device_key", "network", "task"),
    *("device", "config", "cost_s"),
]
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


def function_sources(
    stores: Sequence[HistoryStore], space: KnobSpace, own: tuple[str, str]
) -> tuple[SourceTask, ...]:
    """One source for each function and device whose configurations have knobs of this space.

    Configurations are told anew in this space's columns, knobs matched by name.

    Args:
        stores: Histories, whoever wrote them.
        space: Of the function that is tuned.
        own: Its workload key and device key: those rows are observations.
    """
    where = pc.field("target") == FUNCTION_TARGET
    groups: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for store in stores:
        for row in store.scan(where=where, columns=_COLUMNS).to_pylist():
            key = (row["workload_key"], row["device_key"])
            if key != own:
                groups[key][row["measurement_id"]] = row
    found = (_source(list(rows.values()), space) for _, rows in sorted(groups.items()))
    return tuple(source for source in found if source is not None)


def _source(rows: Sequence[Mapping[str, Any]], space: KnobSpace) -> SourceTask | None:
    """A source of rows that are all of one function and device; None where it tells too little."""
    ordered = sorted(rows, key=lambda row: str(row["measurement_id"]))[:_MOST_ROWS]
    read = [(row, values) for row in ordered if (values := _values(row["config"])) is not None]
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
