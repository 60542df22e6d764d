"""Features of CUDA schedules: threads, blocks, shared memory, registers, and staged fetches."""

import numpy as np

from dgtl_ray.space.cuda_rules import (
    BLOCK,
    VTHREAD,
    accumulators,
    shared_bytes,
    staged_elements,
    threads,
)
from dgtl_ray.space.encoding.unroll import unroll_features
from dgtl_ray.space.encoding.view import READ_SLOTS, Columns, View, log2
from dgtl_ray.space.nest import Extents

UNROLL_STEPS = (0, 16, 32, 64, 128, 256, 512, 1024)
PIPELINE_STAGES = (1, 3, 4)
# What every NVIDIA architecture of the last years gives one multiprocessor.
THREADS_PER_SM = 2048
BLOCKS_PER_SM = 32
# Registers beside the accumulators: addresses, indices, operands.
SPARE_REGISTERS = 32


def cuda_features(view: View, out: Columns) -> None:
    """All features that only a CUDA kernel's schedules have."""
    used = _threads(view)
    shared = shared_bytes(view.tiling) if view.sketch.tiled else np.zeros_like(used)
    _launch(view, out, used, shared)
    _fetches(view, out, used)
    out.add("threads reduce", float(_threads_reduce(view)))
    for stages in PIPELINE_STAGES:
        out.add(f"pipeline {stages}", float(view.sketch.stages == stages))
    unroll_features(view, out, UNROLL_STEPS)


def _threads(view: View) -> Extents:
    """(n,) threads of a block: of the tiles, or chosen outright where nothing is tiled."""
    if view.sketch.tiled:
        return threads(view.tiling)
    chosen = view.tiling.value("threads")
    return np.ones(view.tiling.count, dtype=np.int64) if chosen is None else chosen


def _threads_reduce(view: View) -> bool:
    """Whether the threads of a block share one reduction.

    TVM's rule for such reductions chooses the threads before the unrolling is chosen; where
    threads are only bound to spatial loops, it does so last.
    """
    threads_at, unroll_at = (view.sketch.knob_index(name) for name in ("threads", "unroll"))
    return 0 <= threads_at < unroll_at


def _blocks(view: View, used: Extents) -> Extents:
    if view.sketch.tiled:
        return view.tiling.product(BLOCK)
    points = np.ones(view.tiling.count, dtype=np.int64)
    for axis in view.nest.axes:
        points *= 1 if axis.reduction else axis.extent
    return -(-points // used)


def _launch(view: View, out: Columns, used: Extents, shared: Extents) -> None:
    tiling, limits, device = view.tiling, view.limits, view.device
    held = accumulators(tiling) if view.sketch.tiled else np.ones_like(used)
    blocks = _blocks(view, used)
    warp = limits.warp_size
    registers = np.minimum(held + SPARE_REGISTERS, limits.registers_per_block // used) * used
    resident = np.minimum(THREADS_PER_SM // used, limits.registers_per_block // registers)
    resident = np.minimum(resident, BLOCKS_PER_SM)
    resident = np.minimum(resident, device.shared_memory_bytes // np.maximum(shared, 1))
    resident = np.maximum(resident, 1)
    waves = blocks / (resident * device.cores)
    out.add("log2 threads", log2(used))
    out.add("warp use", used / (-(-used // warp) * warp))
    out.add("log2 vthreads", log2(tiling.product(VTHREAD)))
    out.add("log2 blocks", log2(blocks))
    out.add("log2 blocks/SM", np.log2(blocks / device.cores))
    out.add("log2 accumulators", log2(held))
    out.add("log2 shared bytes", log2(shared))
    out.add("shared use", shared / limits.shared_bytes_per_block)
    out.add("occupancy", np.minimum(resident * used / THREADS_PER_SM, 1.0))
    out.add("log2 waves", np.log2(waves))
    out.add("wave balance", waves / np.ceil(waves))


def _fetches(view: View, out: Columns, used: Extents) -> None:
    """How each operand is staged: elements fetched at a time, and in all by each thread."""
    elements = staged_elements(view.tiling) if view.sketch.tiled else ()
    for slot in range(READ_SLOTS):
        vector = view.tiling.value(f"fetch {slot}")
        staged = vector is not None and slot < len(elements)
        out.add(f"log2 fetch {slot} vector", log2(vector) if vector is not None else 0.0)
        out.add(f"log2 fetch {slot}/thread", log2(-(-elements[slot] // used)) if staged else 0.0)
