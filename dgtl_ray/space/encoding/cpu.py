"""Features of CPU schedules: cores, vectors, registers, and where padding is computed."""

import numpy as np

from dgtl_ray.space.cpu_rules import unrolled_points
from dgtl_ray.space.encoding.unroll import unroll_features
from dgtl_ray.space.encoding.view import Columns, View, log2
from dgtl_ray.space.knobs import AT_ROOT, INLINED
from dgtl_ray.space.nest import Extents

UNROLL_STEPS = (0, 16, 64, 512)
# Up to how many iterations a core TVM's rules for CPUs fuse parallel loops.
PARALLEL_JOBS_PER_CORE = 16
WRITE_LEVELS = (-1, 0, 1)
# Vector registers of the machines that matter: AVX-512 and SVE have 32, AVX2 has 16.
VECTOR_REGISTERS = 32


def cpu_features(view: View, out: Columns) -> None:
    """All features that only a CPU's schedules have."""
    _parallel(view, out)
    _vector(view, out)
    _location(view, out)
    for level in WRITE_LEVELS:
        name = "epilogue apart" if level < 0 else f"epilogue at level {level}"
        out.add(name, float(view.sketch.write_level == level))
    out.add("log2 unrolled points", log2(unrolled_points(view.tiling)))
    unroll_features(view, out, UNROLL_STEPS)


def parallel_extent(view: View) -> Extents:
    """(n,) iterations of the loop that runs on all cores.

    TVM fuses the outer spatial loops until their product passes the limit of parallel jobs; it
    stops at a loop that holds more than one statement, because another block is computed there.
    """
    tiling = view.tiling
    jobs = PARALLEL_JOBS_PER_CORE * view.device.cores
    extent = np.ones(tiling.count, dtype=np.int64)
    growing = np.ones(tiling.count, dtype=np.bool_)
    for level in view.levels("S")[:2]:
        for axis, at in enumerate(view.nest.axes):
            if not at.reduction:
                extent = np.where(growing, extent * tiling.extent(axis, level), extent)
                growing &= (extent <= jobs) & ~tiling.computes_at(axis, level)
        if view.sketch.write_level == level:
            break
    return extent


def _parallel(view: View, out: Columns) -> None:
    cores = view.device.cores
    extent = parallel_extent(view)
    out.add("log2 parallel", log2(extent))
    out.add("log2 parallel/core", log2(extent) - np.float32(np.log2(cores)))
    # The share of the cores' time that is worked: the last turn may leave some of them idle.
    out.add("parallel balance", extent / (-(-extent // cores) * cores))


def _vector(view: View, out: Columns) -> None:
    tiling, lanes = view.tiling, view.device.vector_lanes
    inner = view.levels("S")[-1]
    axis = view.spatial[0]
    width = np.ones(tiling.count, np.int64) if axis is None else tiling.extent(axis, inner)
    vectors = -(-width // lanes)
    registers = tiling.product(inner) // width * vectors
    out.add("log2 vector/lanes", log2(width) - np.float32(np.log2(lanes)))
    out.add("vector fills lanes", width % lanes == 0)
    out.add("vector lane use", width / (vectors * lanes))
    out.add("log2 accumulator registers", log2(registers))
    out.add("accumulators fit registers", registers <= VECTOR_REGISTERS)


def _location(view: View, out: Columns) -> None:
    """Where the first block with a free location is computed; 0 throughout where none is."""
    tiling = view.tiling
    index = next(iter(tiling.locations), -1)
    depth = np.zeros(tiling.count, dtype=np.float32)
    inlined = rooted = np.zeros(tiling.count, dtype=np.bool_)
    if index >= 0:
        values = np.array(view.sketch.knobs[index].values)
        relative = np.maximum(values + 1, 0) / (values.max() + 1 or 1)
        chosen = tiling.choice(index)
        depth = relative.astype(np.float32)[chosen]
        inlined, rooted = values[chosen] == INLINED, values[chosen] == AT_ROOT
    out.add("has location", float(index >= 0))
    out.add("location depth", depth)
    out.add("location inlined", inlined)
    out.add("location root", rooted)
