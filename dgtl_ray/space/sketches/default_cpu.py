"""Default schedules for CPUs: register tiles for reductions, wide parallel loops for the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

import tvm
from tvm.s_tir import Schedule
from tvm.s_tir.schedule import ScheduleError
from tvm.sym import detect_linear_equation
from tvm.target import codegen
from tvm.tirx import ForKind, IntImm, IterVar
from tvm.tirx.analysis import undefined_vars

# Handing work to the thread pool takes some microseconds: below this many innermost iterations
# one core is done sooner.
_PARALLEL_MIN_WORK = 1 << 17
# Shorter vectors than this are left to LLVM, which vectorises across axes.
_MIN_LANES = 4


@dataclass(frozen=True, kw_only=True)
class CpuShape:
    """What register tiling must know of a CPU: float32 lanes of a vector, and vector registers."""

    lanes: int
    registers: int

    @classmethod
    def of(cls, target: tvm.target.Target) -> "CpuShape":
        """The shape of a target's CPU, from the features that LLVM knows it to have."""
        if target.kind.name != "llvm":
            return cls(lanes=4, registers=16)
        if codegen.llvm_cpu_has_features("avx512f", target):
            return cls(lanes=16, registers=32)
        if codegen.llvm_cpu_has_features("avx", target):
            return cls(lanes=8, registers=16)
        return cls(lanes=4, registers=32 if codegen.llvm_cpu_has_features("neon", target) else 16)


def schedule_cpu(module: tvm.IRModule, cpu: CpuShape) -> tvm.IRModule:
    """Schedule every block of `module`'s `main`, each by the first way that is legal for it."""
    sch = Schedule(module, debug_mask="none", error_render_level="none")
    _inline_elementwise(sch)
    for name in _block_names(sch):
        if _is_untouched(sch, name):
            sch = _first_legal(sch, name, cpu)
    return sch.mod


def _inline_elementwise(sch: Schedule) -> None:
    """Inline every block without a reduction into its readers, if these have none either."""
    for name in _block_names(sch):
        block = sch.get_sblock(name)
        readers = sch.get_consumers(block)
        if not readers or any(_is_reduction(sch, b) for b in (block, *readers)):
            continue
        try:
            sch.compute_inline(block)
        except ScheduleError:
            continue  # it stays a block of its own, and gets loops of its own


def _first_legal(sch: Schedule, name: str, cpu: CpuShape) -> Schedule:
    """The schedule with one more block done; unchanged where no way is legal."""
    reduces = _is_reduction(sch, sch.get_sblock(name))
    for way in _REDUCTION_WAYS if reduces else _SPATIAL_WAYS:
        attempt = sch.copy()
        try:
            way(attempt, attempt.get_sblock(name), cpu)
        except ScheduleError:
            continue
        return attempt
    return sch


def _tile_registers(sch: Schedule, block: Any, cpu: CpuShape, *, into_reader: bool) -> None:
    """Keep a tile of the output in registers while the whole reduction runs.

    The tile spans the innermost axis of the output, in vectors, and some of the axis before it.
    What follows the reduction (its reader, or a plain copy) runs tile by tile.
    """
    if _reads_run_along_reduction(sch.get(block)):
        raise ScheduleError("vectors of the output would gather from memory")
    spatial, reduction = _loops_by_kind(sch, block)
    work = _work(sch, spatial + reduction)
    outer, row, column = _tile_axes(sch, spatial)
    row_tile, vectors, lanes = _tile_shape(_extent(sch, row), _extent(sch, column), cpu)
    epilogue = _only_reader(sch, block) if into_reader else sch.cache_write(block, 0, "global")

    row_outer, row_inner = sch.split(row, [None, row_tile])
    column_outer, vector, lane = sch.split(column, [None, vectors, lanes])
    # Columns outermost: each core keeps to its own share of the weights.
    outer = [column_outer, *outer, row_outer]
    sch.reorder(*outer, *reduction, row_inner, vector, lane)
    sch.reverse_compute_at(epilogue, row_outer)
    _vectorize_innermost(sch, epilogue, lanes)
    _parallelize(sch, outer, work)
    sch.unroll(row_inner)
    sch.unroll(vector)
    sch.vectorize(lane)
    _vectorize_innermost(sch, sch.decompose_reduction(block, reduction[0]), lanes)


def _split_reduction(sch: Schedule, block: Any, cpu: CpuShape) -> None:
    """One partial result a vector lane, summed last: for a reduction along contiguous memory."""
    spatial, reduction = _loops_by_kind(sch, block)
    work = _work(sch, spatial + reduction)
    lanes = _vector_factor(_extent(sch, reduction[-1]), cpu.lanes)
    if lanes == 1:
        raise ScheduleError("the reduction has no factor to vectorise")
    _, lane = sch.split(reduction[-1], [None, lanes])
    partials = sch.rfactor(lane, len(spatial))
    elements = sch.get_loops(block)[: len(spatial)] or [_unit_loop(sch, block)]
    sch.compute_at(partials, elements[-1])
    _parallelize(sch, elements, work)
    _, lane, *steps = sch.get_loops(partials)
    sch.reorder(*steps, lane)
    sch.vectorize(lane)
    if steps:
        _vectorize_innermost(sch, sch.decompose_reduction(partials, steps[0]), lanes)


def _share_rows(sch: Schedule, block: Any, _cpu: CpuShape) -> None:
    """Parallel over the output; what is left to do is the compiler's."""
    spatial, reduction = _loops_by_kind(sch, block)
    work = _work(sch, spatial + reduction)
    sch.reorder(*spatial, *reduction)
    _parallelize(sch, spatial, work)


def _vectorize_rows(sch: Schedule, block: Any, cpu: CpuShape) -> None:
    """Parallel over all axes but a vector of the innermost one."""
    loops = sch.get_loops(block)
    if not loops or not _reads_run_along_writes(sch.get(block)):
        raise ScheduleError("vectors of the output would gather from memory")
    lanes = _vector_factor(_extent(sch, loops[-1]), cpu.lanes)
    if lanes < _MIN_LANES:
        raise ScheduleError("the innermost axis is too short to vectorise")
    work = _work(sch, loops)
    outer, lane = sch.split(loops[-1], [None, lanes])
    _parallelize(sch, [*loops[:-1], outer], work)
    sch.vectorize(lane)


def _share_elements(sch: Schedule, block: Any, cpu: CpuShape) -> None:
    """Parallel over the outer axes; LLVM vectorises across the short ones that are left."""
    loops = sch.get_loops(block)
    inner = len(loops)
    while inner > 0 and _work(sch, loops[inner:]) < cpu.lanes:
        inner -= 1
    _parallelize(sch, loops[:inner], _work(sch, loops))


_Way = Callable[[Schedule, Any, CpuShape], None]
_REDUCTION_WAYS: Sequence[_Way] = (
    partial(_tile_registers, into_reader=True),
    partial(_tile_registers, into_reader=False),
    _split_reduction,
    _share_rows,
)
_SPATIAL_WAYS: Sequence[_Way] = (_vectorize_rows, _share_elements)


def _only_reader(sch: Schedule, block: Any) -> Any:
    readers = sch.get_consumers(block)
    if len(readers) != 1 or _is_reduction(sch, readers[0]):
        raise ScheduleError("the block has no single elementwise reader")
    return readers[0]


def _tile_axes(sch: Schedule, spatial: Sequence[Any]) -> tuple[list[Any], Any, Any]:
    """The output's loops as (the others, the one before the innermost, the innermost)."""
    wide = [loop for loop in spatial if _extent(sch, loop) > 1]
    if not wide:
        raise ScheduleError("the output is a single element")
    column = wide[-1]
    row = wide[-2] if len(wide) > 1 else sch.add_unit_loop(column)
    others = [loop for loop in spatial if not (loop.same_as(row) or loop.same_as(column))]
    return others, row, column


def _tile_shape(rows: int, columns: int, cpu: CpuShape) -> tuple[int, int, int]:
    """(rows, vectors a row, lanes a vector) of the tile that uses each loaded value most often.

    A step of the reduction loads one vector for each column of the tile and broadcasts one value
    for each of its rows; both and the tile itself have to fit the registers.
    """
    lanes = _vector_factor(columns, cpu.lanes)
    shapes = product(_divisors(rows, cpu.registers), _divisors(columns // lanes, cpu.registers))
    fitting = [(r, v) for r, v in shapes if r * v + v + 1 <= cpu.registers]
    row_tile, vectors = max(fitting, key=lambda s: s[0] * s[1] / (s[0] + s[1]))
    return row_tile, vectors, lanes


def _vector_factor(extent: int, lanes: int) -> int:
    """Lanes to use along an axis: the largest power of two that divides it, or any divisor."""
    power = max(d for d in _divisors(extent, lanes) if d & (d - 1) == 0)
    return power if power > 1 else _divisors(extent, lanes)[-1]


def _divisors(extent: int, limit: int) -> list[int]:
    return [d for d in range(1, min(extent, limit) + 1) if extent % d == 0]


def _parallelize(sch: Schedule, loops: Sequence[Any], work: int) -> None:
    """Fuse `loops`, and share them among the cores unless `work` is too small for that."""
    if not loops:
        return
    fused = sch.fuse(*loops)
    if work >= _PARALLEL_MIN_WORK:
        sch.parallel(fused)


def _vectorize_innermost(sch: Schedule, block: Any, lanes: int) -> None:
    """Vectorise the innermost loop, cut to `lanes` where it is longer."""
    innermost = sch.get_loops(block)[-1]
    if _extent(sch, innermost) > lanes:
        innermost = sch.split(innermost, [None, lanes])[-1]
    sch.vectorize(innermost)


def _reads_run_along_reduction(block: Any) -> bool:
    """Whether the reduction walks contiguous memory, and no axis of the output does."""
    variables = [variable for index in _last_indices(block) for variable in undefined_vars(index)]
    kinds = {
        axis.iter_type for axis in block.iter_vars if any(axis.var.same_as(v) for v in variables)
    }
    return kinds == {IterVar.CommReduce}


def _reads_run_along_writes(block: Any) -> bool:
    """Whether something it reads is contiguous along the innermost axis; true if it reads none."""
    variable = block.iter_vars[-1].var
    linear = [detect_linear_equation(index, [variable]) for index in _last_indices(block)]
    return not linear or any(terms and _is_one(terms[0]) for terms in linear)


def _is_one(expression: Any) -> bool:
    return isinstance(expression, IntImm) and int(expression) == 1


def _last_indices(block: Any) -> list[Any]:
    """The last index of everything it reads."""
    return [read.region[-1].min for read in block.reads if read.region]


def _block_names(sch: Schedule) -> list[str]:
    """Names of the blocks that make the program up, in order; none in a hand-written loop nest."""
    root = sch.get_sblock(sch.mod["main"].body.block.name_hint)
    return [sch.get(block).name_hint for block in sch.get_child_blocks(root)]


def _is_reduction(sch: Schedule, block: Any) -> bool:
    return any(axis.iter_type != IterVar.DataPar for axis in sch.get(block).iter_vars)


def _is_untouched(sch: Schedule, name: str) -> bool:
    """Whether the block still has its first loops: it was not scheduled along with another."""
    loops = sch.get_loops(sch.get_sblock(name))
    return bool(loops) and all(sch.get(loop).kind == ForKind.SERIAL for loop in loops)


def _unit_loop(sch: Schedule, block: Any) -> Any:
    """A new loop of one iteration around all others."""
    return sch.add_unit_loop(sch.get_loops(block)[0])


def _loops_by_kind(sch: Schedule, block: Any) -> tuple[list[Any], list[Any]]:
    """An untouched block's loops: those of the output, those of the reduction."""
    loops, axes = sch.get_loops(block), sch.get(block).iter_vars
    if len(loops) != len(axes):
        raise ScheduleError("the block's loops are not one for each axis")
    paired = list(zip(loops, axes, strict=True))
    spatial = [loop for loop, axis in paired if axis.iter_type == IterVar.DataPar]
    return spatial, [loop for loop, axis in paired if axis.iter_type != IterVar.DataPar]


def _extent(sch: Schedule, loop: Any) -> int:
    return int(sch.get(loop).extent)


def _work(sch: Schedule, loops: Sequence[Any]) -> int:
    return prod(_extent(sch, loop) for loop in loops)
