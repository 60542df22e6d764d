"""Steps and questions of hand-made schedules: what TVM's primitives leave to be said each time."""

from collections.abc import Sequence
from math import prod
from typing import Any

import tvm_ffi
from tvm.error import InternalError
from tvm.ir import Call
from tvm.ir.expr import TensorLoad
from tvm.s_tir import Schedule
from tvm.s_tir.schedule import ScheduleError
from tvm.sym import detect_linear_equation
from tvm.tirx import ForKind, IntImm, IterVar
from tvm.tirx.analysis import undefined_vars

# What TVM raises where a primitive is not legal for a program.
ILLEGAL = (ScheduleError, InternalError)

# Handing work to the thread pool takes some microseconds: below this many innermost iterations
# one core is done sooner.
PARALLEL_MIN_WORK = 1 << 17

_FUNCTIONS = frozenset(
    f"tirx.{name}"
    for name in ("acos", "asin", "atan", "cos", "cosh", "erf", "exp", "exp2", "log", "log2", "pow",
                 "sigmoid", "sin", "sinh", "tan", "tanh")
)  # fmt: skip


def block_names(sch: Schedule) -> list[str]:
    """Names of the blocks that make the program up, in order; none in a hand-written loop nest."""
    root = sch.get_sblock(sch.mod["main"].body.block.name_hint)
    return [sch.get(block).name_hint for block in sch.get_child_blocks(root)]


def is_reduction(sch: Schedule, block: Any) -> bool:
    """Whether the block sums up, or reduces otherwise."""
    return any(axis.iter_type != IterVar.DataPar for axis in sch.get(block).iter_vars)


def is_untouched(sch: Schedule, name: str) -> bool:
    """Whether the block still has its first loops: it was not scheduled along with another."""
    loops = sch.get_loops(sch.get_sblock(name))
    return bool(loops) and all(sch.get(loop).kind == ForKind.SERIAL for loop in loops)


def loops_by_kind(sch: Schedule, block: Any) -> tuple[list[Any], list[Any]]:
    """An untouched block's loops: those of the output, those of the reduction."""
    loops, axes = sch.get_loops(block), sch.get(block).iter_vars
    if len(loops) != len(axes):
        raise ScheduleError("the block's loops are not one for each axis")
    paired = list(zip(loops, axes, strict=True))
    spatial = [loop for loop, axis in paired if axis.iter_type == IterVar.DataPar]
    return spatial, [loop for loop, axis in paired if axis.iter_type != IterVar.DataPar]


def extent(sch: Schedule, loop: Any) -> int:
    """Iterations of a loop."""
    return int(sch.get(loop).extent)


def work_of(sch: Schedule, loops: Sequence[Any]) -> int:
    """Iterations of a nest of loops."""
    return prod(extent(sch, loop) for loop in loops)


def only_reader(sch: Schedule, block: Any) -> Any:
    """The one block, without a reduction, that reads what this one writes."""
    readers = sch.get_consumers(block)
    if len(readers) != 1 or is_reduction(sch, readers[0]):
        raise ScheduleError("the block has no single elementwise reader")
    return readers[0]


def reads_run_along_reduction(block: Any) -> bool:
    """Whether the reduction walks contiguous memory, and no axis of the output does."""
    variables = [variable for index in _last_indices(block) for variable in undefined_vars(index)]
    kinds = {
        axis.iter_type for axis in block.iter_vars if any(axis.var.same_as(v) for v in variables)
    }
    return kinds == {IterVar.CommReduce}


def reads_run_along_writes(block: Any) -> bool:
    """Whether something it reads is contiguous along the innermost axis; true if it reads none."""
    variable = block.iter_vars[-1].var
    linear = [detect_linear_equation(index, [variable]) for index in _last_indices(block)]
    return not linear or any(terms and _is_one(terms[0]) for terms in linear)


def _last_indices(block: Any) -> list[Any]:
    """The last index of everything it reads."""
    return [read.region[-1].min for read in block.reads if read.region]


def _is_one(expression: Any) -> bool:
    return isinstance(expression, IntImm) and int(expression) == 1


def tile_axes(sch: Schedule, spatial: Sequence[Any]) -> tuple[list[Any], Any, Any]:
    """The output's loops as (the others, the one before the innermost, the innermost)."""
    wide = [loop for loop in spatial if extent(sch, loop) > 1]
    if not wide:
        raise ScheduleError("the output is a single element")
    column = wide[-1]
    row = wide[-2] if len(wide) > 1 else sch.add_unit_loop(column)
    others = [loop for loop in spatial if not (loop.same_as(row) or loop.same_as(column))]
    return others, row, column


def unit_loop(sch: Schedule, block: Any) -> Any:
    """A new loop of one iteration around all others."""
    return sch.add_unit_loop(sch.get_loops(block)[0])


def parallelize(sch: Schedule, loops: Sequence[Any], work: int) -> None:
    """Fuse `loops`, and share them among the cores unless `work` is too small for that."""
    if not loops:
        return
    fused = sch.fuse(*loops)
    if work >= PARALLEL_MIN_WORK:
        sch.parallel(fused)


def vectorize_innermost(sch: Schedule, block: Any, lanes: int) -> None:
    """Vectorise the innermost loop, cut to `lanes` where it is longer."""
    innermost = sch.get_loops(block)[-1]
    if extent(sch, innermost) > lanes:
        innermost = sch.split(innermost, [None, lanes])[-1]
    sch.vectorize(innermost)


def computes_function(sch: Schedule, block: Any) -> bool:
    """Whether it calls a transcendental function."""
    calls = _nodes(sch.get(block).body, Call)
    return any(getattr(call.op, "name", "") in _FUNCTIONS for call in calls)


def reads_of(sch: Schedule, reader: Any, block: Any) -> int:
    """At how many places a block takes what another one writes."""
    tensor = sch.get(block).writes[0].source
    return sum(load.source.same_as(tensor) for load in _nodes(sch.get(reader).body, TensorLoad))


def _nodes(statement: Any, kind: type) -> list[Any]:
    """All of a kind in it."""
    found: list[Any] = []
    tvm_ffi.structural_walk(statement, (kind, found.append))
    return found
