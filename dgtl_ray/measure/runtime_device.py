"""The device that runs a kernel, as TVM's runtime sees it."""

import json
from typing import Any

import tvm

from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.device import UNKNOWN_CONDITIONS, Conditions
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure.gpu import NO_GPU
from dgtl_ray.measure.nvml import gpu_conditions


def flush_bytes(device: Any) -> int:
    """What must be written on a GPU so that nothing of a kernel's arguments is left in its caches.

    0 where the driver does not tell how large they are.
    """
    return 2 * int(device.l2_cache_size_bytes or 0)


def conditions_of(device: Any) -> Conditions:
    """What a device is like now."""
    return gpu_conditions() if device.type == "cuda" else UNKNOWN_CONDITIONS


def open_device(target: str) -> Any:
    """The device a target runs on.

    Args:
        target: TVM's target as JSON.

    Raises:
        DeviceError: There is no such device here.
    """
    resolved = tvm.target.Target(target)
    kind = resolved.kind.name
    if kind == "llvm":
        return tvm.cpu(0)
    if kind == "cuda":
        device = tvm.cuda(0)
        if device.exist:
            return device
        raise DeviceError(NO_GPU)
    raise DeviceError(f"target kind {kind!r} cannot be timed: only llvm (a CPU) and cuda can")


def threads_of(target: str) -> int:
    """How many threads run the parallel loops of code for `target` (JSON) here.

    A CPU's cores, as the target names them or as this process may use; on a GPU, one.
    """
    attributes = json.loads(target)
    if attributes["kind"] != "llvm":
        return 1
    return int(attributes.get("num-cores", available_cores()))
