"""What runs on a cluster tell each other and `dgtl devices` of the devices they use.

Ray's own key-value store keeps it: no process of ours has to outlive a run, or be asked.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from ray.experimental.internal_kv import (
    _internal_kv_del,
    _internal_kv_get,
    _internal_kv_list,
    _internal_kv_put,
)

from dgtl_ray.engine.device import DeviceReport

_PREFIX = "dgtl/devices/"
# A run that has not told anything for so long has ended without taking its entry down.
_STALE_S = 60.0


def publish(run_id: str, reports: Sequence[DeviceReport]) -> None:
    """Tell the cluster what a run's devices do; needs a connection to Ray."""
    entry = {"at": time.time(), "devices": [report.as_dict() for report in reports]}
    _internal_kv_put(_PREFIX + run_id, json.dumps(entry), overwrite=True)


def take_down(run_id: str) -> None:
    """The run has ended."""
    _internal_kv_del(_PREFIX + run_id)


def published() -> dict[str, list[dict[str, Any]]]:
    """Devices of the runs on this cluster, by run: the fields of `DeviceReport`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key in _internal_kv_list(_PREFIX):
        text = _internal_kv_get(key)
        entry: dict[str, Any] = json.loads(text) if text else {"at": 0.0}
        if time.time() - entry["at"] < _STALE_S:
            found[key.decode().removeprefix(_PREFIX)] = entry["devices"]
    return found
