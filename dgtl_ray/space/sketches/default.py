"""The default schedule of a task: sound everywhere, the best nowhere.

It is what runs where nothing was tuned, every task's first trial, and the yardstick of the rest.
"""

import tvm

from dgtl_ray.space.sketches.cpu_shape import CpuShape
from dgtl_ray.space.sketches.default_cpu import schedule_cpu
from dgtl_ray.space.sketches.default_cuda import schedule_cuda


def apply_default(module: tvm.IRModule, target: tvm.target.Target) -> tvm.IRModule:
    """Schedule a task's program without a search.

    Args:
        module: The unscheduled program; its one function is `main`.
        target: What it will be built for.

    Returns:
        The same program with parallel, vectorised (CPU) or thread-bound (CUDA) loops. A block that
        no rule can schedule keeps its loops, so this never fails on a sound program.
    """
    if target.kind.name == "cuda":
        return schedule_cuda(module, target)
    return schedule_cpu(module, CpuShape.of(target)).mod
