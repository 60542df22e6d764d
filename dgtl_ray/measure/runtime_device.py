"""The device that runs a kernel, as TVM's runtime sees it."""

import os
from dataclasses import dataclass
from typing import Any

import tvm

from dgtl_ray.core.device import UNKNOWN_CONDITIONS, Conditions
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.measure.cpu import cache_sizes_bytes
from dgtl_ray.measure.gpu import NO_GPU
from dgtl_ray.measure.nvml import gpu_conditions

# Repeats, each of one run with cold caches, that a short kernel gets on a GPU: one run of some
# microseconds says little, and flushing takes longer than the run.
_MOST_COLD_REPEATS = 50


@dataclass(frozen=True, kw_only=True)
class Flush:
    """Before each repeat, write `size_bytes`, so that nothing of the arguments is left in caches.

    A repeat is then one run; there are up to `most_repeats`, as many as fill the usual time.
    """

    size_bytes: int
    most_repeats: int


def flush_of(device: Any, evaluator: EvaluatorConfig) -> Flush | None:
    """How caches are emptied: on a GPU always, on a CPU where it is asked for."""
    if device.type == "cuda":
        size_bytes = 2 * int(device.l2_cache_size_bytes or 0)
        return Flush(size_bytes=size_bytes, most_repeats=_MOST_COLD_REPEATS) if size_bytes else None
    if not evaluator.enable_cpu_cache_flush:
        return None
    _, last_level = cache_sizes_bytes()
    return Flush(size_bytes=2 * last_level, most_repeats=evaluator.repeat)


def conditions_of(device: Any) -> Conditions:
    """What a device is like now."""
    return gpu_conditions() if device.type == "cuda" else UNKNOWN_CONDITIONS


def open_device(target: str) -> Any:
    """The device a target runs on; on a CPU, TVM's threads are as many as the target's cores.

    Args:
        target: TVM's target as JSON.

    Raises:
        DeviceError: There is no such device here.
    """
    resolved = tvm.target.Target(target)
    kind = resolved.kind.name
    if kind == "llvm":
        use_threads(int(resolved.attrs.get("num-cores", len(os.sched_getaffinity(0)))))
        return tvm.cpu(0)
    if kind == "cuda":
        device = tvm.cuda(0)
        if device.exist:
            return device
        raise DeviceError(NO_GPU)
    raise DeviceError(f"target kind {kind!r} cannot be timed: only llvm (a CPU) and cuda can")


def use_threads(count: int) -> None:
    """Let TVM's kernels run on `count` threads; by itself it takes half of the cores for real.

    The pool is made at its first parallel loop and reads the variable then; a pool that is there
    already is made anew only if its size is wrong.
    """
    os.environ["TVM_NUM_THREADS"] = str(count)
    if tvm.runtime.num_threads() != count:
        tvm.get_global_func("runtime.config_threadpool")(1, count)
