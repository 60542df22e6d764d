"""Default schedules for CPUs: register tiles for reductions, wide parallel loops for the rest."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tvm
from tvm.s_tir import Schedule
from tvm.s_tir.schedule import ScheduleError

from dgtl_ray.space.sketches.cpu_shape import CpuShape, tile_shape, vector_factor
from dgtl_ray.space.sketches.loop_steps import (
    ILLEGAL,
    block_names,
    computes_function,
    extent,
    is_reduction,
    is_untouched,
    loops_by_kind,
    only_reader,
    parallelize,
    reads_of,
    reads_run_along_reduction,
    reads_run_along_writes,
    tile_axes,
    unit_loop,
    vectorize_innermost,
    work_of,
)

# Shorter vectors than this are left to LLVM, which vectorises across axes.
_MIN_LANES = 4


def schedule_cpu(module: tvm.IRModule, cpu: CpuShape) -> Schedule:
    """A schedule of every block of `module`'s `main`, each by the first way that is legal for it.

    Its trace has every step.
    """
    sch = Schedule(module, debug_mask="none", error_render_level="none")
    _inline_elementwise(sch)
    for name in block_names(sch):
        if is_untouched(sch, name):
            sch = _first_legal(sch, name, cpu)
    return sch


def _inline_elementwise(sch: Schedule) -> None:
    """Inline every block without a reduction into its readers, if these have none either.

    A transcendental function stays where a reader takes its results at several places, as resizing
    does: it would be computed for each of them, and the code of nested ones grows by powers.
    """
    for name in block_names(sch):
        block = sch.get_sblock(name)
        readers = sch.get_consumers(block)
        if not readers or any(is_reduction(sch, b) for b in (block, *readers)):
            continue
        if computes_function(sch, block) and any(reads_of(sch, r, block) > 1 for r in readers):
            continue
        try:
            sch.compute_inline(block)
        except ILLEGAL:
            continue  # it stays a block of its own, and gets loops of its own


def _first_legal(sch: Schedule, name: str, cpu: CpuShape) -> Schedule:
    """The schedule with one more block done; unchanged where no way is legal."""
    reduces = is_reduction(sch, sch.get_sblock(name))
    for way in _REDUCTION_WAYS if reduces else _SPATIAL_WAYS:
        attempt = sch.copy()
        try:
            way(attempt, attempt.get_sblock(name), cpu)
        except ILLEGAL:
            continue
        return attempt
    return sch


def _tile_registers(sch: Schedule, block: Any, cpu: CpuShape, *, into_reader: bool) -> None:
    """Keep a tile of the output in registers while the whole reduction runs.

    The tile spans the innermost axis of the output, in vectors, and some of the axis before it.
    What follows the reduction (its reader, or a plain copy) runs tile by tile.
    """
    if reads_run_along_reduction(sch.get(block)):
        raise ScheduleError("vectors of the output would gather from memory")
    spatial, reduction = loops_by_kind(sch, block)
    work = work_of(sch, spatial + reduction)
    outer, row, column = tile_axes(sch, spatial)
    row_tile, vectors, lanes = tile_shape(extent(sch, row), extent(sch, column), cpu)
    if row_tile * vectors * lanes == 1:
        raise ScheduleError("the output has no factor to tile by")
    epilogue = only_reader(sch, block) if into_reader else sch.cache_write(block, 0, "global")

    row_outer, row_inner = sch.split(row, [None, row_tile])
    column_outer, vector, lane = sch.split(column, [None, vectors, lanes])
    # Columns outermost: each core keeps to its own share of the weights.
    outer = [column_outer, *outer, row_outer]
    sch.reorder(*outer, *reduction, row_inner, vector, lane)
    sch.reverse_compute_at(epilogue, row_outer)
    vectorize_innermost(sch, epilogue, lanes)
    parallelize(sch, outer, work)
    sch.unroll(row_inner)
    sch.unroll(vector)
    sch.vectorize(lane)
    vectorize_innermost(sch, sch.decompose_reduction(block, reduction[0]), lanes)


def _split_reduction(sch: Schedule, block: Any, cpu: CpuShape) -> None:
    """One partial result a vector lane, summed last: for a reduction along contiguous memory."""
    spatial, reduction = loops_by_kind(sch, block)
    work = work_of(sch, spatial + reduction)
    lanes = vector_factor(extent(sch, reduction[-1]), cpu.lanes)
    if lanes == 1:
        raise ScheduleError("the reduction has no factor to vectorise")
    _, lane = sch.split(reduction[-1], [None, lanes])
    partials = sch.rfactor(lane, len(spatial))
    elements = sch.get_loops(block)[: len(spatial)] or [unit_loop(sch, block)]
    sch.compute_at(partials, elements[-1])
    parallelize(sch, elements, work)
    _, lane, *steps = sch.get_loops(partials)
    sch.reorder(*steps, lane)
    sch.vectorize(lane)
    if steps:
        vectorize_innermost(sch, sch.decompose_reduction(partials, steps[0]), lanes)


def _share_rows(sch: Schedule, block: Any, _cpu: CpuShape) -> None:
    """Parallel over the output; what is left to do is the compiler's."""
    spatial, reduction = loops_by_kind(sch, block)
    work = work_of(sch, spatial + reduction)
    sch.reorder(*spatial, *reduction)
    parallelize(sch, spatial, work)


def _vectorize_rows(sch: Schedule, block: Any, cpu: CpuShape) -> None:
    """Parallel over all axes but a vector of the innermost one."""
    loops = sch.get_loops(block)
    if not loops or not reads_run_along_writes(sch.get(block)):
        raise ScheduleError("vectors of the output would gather from memory")
    lanes = vector_factor(extent(sch, loops[-1]), cpu.lanes)
    if lanes < _MIN_LANES:
        raise ScheduleError("the innermost axis is too short to vectorise")
    work = work_of(sch, loops)
    outer, lane = sch.split(loops[-1], [None, lanes])
    parallelize(sch, [*loops[:-1], outer], work)
    sch.vectorize(lane)


def _share_elements(sch: Schedule, block: Any, cpu: CpuShape) -> None:
    """Parallel over the outer axes; LLVM vectorises across the short ones that are left."""
    loops = sch.get_loops(block)
    inner = len(loops)
    while inner > 0 and work_of(sch, loops[inner:]) < cpu.lanes:
        inner -= 1
    parallelize(sch, loops[:inner], work_of(sch, loops))


_Way = Callable[[Schedule, Any, CpuShape], None]
_REDUCTION_WAYS: Sequence[_Way] = (
    partial(_tile_registers, into_reader=True),
    partial(_tile_registers, into_reader=False),
    _split_reduction,
    _share_rows,
)
_SPATIAL_WAYS: Sequence[_Way] = (_vectorize_rows, _share_elements)
