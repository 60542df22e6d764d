"""The device that runs a kernel, as TVM's runtime sees it."""

import os
from typing import Any

import tvm

from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure.gpu import NO_GPU


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
