"""The device that a file of another tuner was written on."""

import re
from dataclasses import replace

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.measure.known_gpus import find_known_gpu, gpu_called
from dgtl_ray.recorded.formats.task import ImportedTask

_PROCESSORS = re.compile(r"\b(EPYC|Xeon|Ryzen|Threadripper|CPU|Graviton|Neoverse)\b", re.I)
# What `--device` calls the CPU of this machine.
HOST = "host"
# What stands in for a CPU of which nothing but its name is known: one of middling size.
_CORES, _LANES, _CLOCK_GHZ = 8, 8, 3.0
_BANDWIDTH_GB_S, _L1_BYTES, _CACHE_BYTES = 50.0, 32 << 10, 16 << 20


def device_of(task: ImportedTask, called: str) -> DeviceDescriptor:
    """The device of a task.

    Args:
        task: As the file tells it.
        called: What the user calls the device; counts where the file says nothing, or a name that
            is no known GPU's.

    Raises:
        InputError: Neither says.
    """
    said = task.device_name
    name = said if said and (not called or find_known_gpu(said)) else called
    if not name:
        target = task.toolchain.get("target")
        whose = f"the target {target!r}" if target else f"the task {task.name!r}"
        raise InputError(
            f"the file does not say on which device {whose} was measured: give --device NAME (a "
            f"GPU's name, or {HOST!r} for this machine's CPU)"
        )
    if name == HOST:
        from dgtl_ray.measure.host import describe_cpu_host

        return describe_cpu_host()
    if task.device_kind == "cpu" or _PROCESSORS.search(name):
        return cpu_called(name)
    gpu = gpu_called(name)
    by_target = task.toolchain.get("target", "").split()[:1]
    told = gpu.kind == "unknown" and by_target and by_target[0] in ("cuda", "rocm")
    return replace(gpu, kind=by_target[0]) if told else gpu


def cpu_called(name: str) -> DeviceDescriptor:
    """A CPU of which only the name is known: nothing is claimed of its vendor."""
    return DeviceDescriptor(
        name=name,
        kind="cpu",
        vendor="unknown",
        cores=_CORES,
        clock_ghz=_CLOCK_GHZ,
        peak_gflops=_CORES * _LANES * 4 * _CLOCK_GHZ,
        bandwidth_gb_s=_BANDWIDTH_GB_S,
        shared_memory_bytes=_L1_BYTES,
        cache_bytes=_CACHE_BYTES,
        vector_lanes=_LANES,
    )
