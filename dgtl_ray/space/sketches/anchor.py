"""The anchor block of a task: the one whose loops decide how fast it is."""

from dataclasses import dataclass
from math import prod
from typing import Any

from tvm import DataType
from tvm.s_tir import SBlockRealize, Schedule

from dgtl_ray.space.nest import Access, Axis, Nest
from dgtl_ray.space.sketches.affine import coefficients
from dgtl_ray.space.sketches.errors import ScheduleError

_REDUCTION = 2  # TVM's IterVar.CommReduce


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of the unscheduled program.

    Attributes:
        name: Its name.
        loops: Names of its loop variables, outermost first; one an axis.
        nest: Its loops and operands.
    """

    name: str
    loops: tuple[str, ...]
    nest: Nest

    @property
    def work(self) -> tuple[bool, int]:
        """Orders blocks: those that reduce first, then by their iterations."""
        reduces = any(axis.reduction for axis in self.nest.axes)
        return reduces, prod(axis.extent for axis in self.nest.axes)


def read_blocks(module: Any, levels: str) -> dict[str, Block]:
    """Every block of the program under its name, tiled into the given levels (`LEVELS`).

    Raises:
        ScheduleError: Some of it, or all, is code that cannot be rearranged.
    """
    state = Schedule(module, debug_mask="none", error_render_level="none")
    body = module["main"].body
    if not isinstance(body, SBlockRealize):
        raise ScheduleError("TVM wrote it without blocks")
    children = state.get_child_blocks(state.get_sblock(body.block.name_hint))
    blocks = [_read_block(state, handle, levels) for handle in children]
    if not blocks:
        raise ScheduleError("TVM wrote it as one piece of code without blocks")
    return {block.name: block for block in blocks}


def anchor_of(blocks: dict[str, Block]) -> Block:
    """The block with the most work; of equal ones the first."""
    return max(blocks.values(), key=lambda block: block.work)


def _read_block(state: Any, handle: Any, levels: str) -> Block:
    block = state.get(handle)
    if not block.writes:
        raise ScheduleError(f"TVM wrote {block.name_hint} as code that cannot be rearranged")
    names = [str(variable.var.name) for variable in block.iter_vars]
    axes = tuple(
        Axis(
            name=str(variable.var.name).removeprefix("v_"),
            extent=int(variable.dom.extent),
            reduction=int(variable.iter_type) == _REDUCTION,
        )
        for variable in block.iter_vars
    )
    write = _access(block.writes[0], names)
    reads = tuple(_access(region, names) for region in block.reads)
    return Block(
        name=str(block.name_hint),
        loops=tuple(str(state.get(loop).loop_var.name) for loop in state.get_loops(handle)),
        nest=Nest(
            axes=axes,
            levels=levels,
            reads=tuple(read for read in reads if read.buffer != write.buffer),
            write=write,
        ),
    )


def _access(region: Any, names: list[str]) -> Access:
    rows = [coefficients(dimension.min) for dimension in region.region]
    return Access(
        buffer=str(region.source.name),
        shape=tuple(int(size) for size in region.source.shape),
        coefficients=tuple(tuple(int(row[name]) for name in names) for row in rows),
        element_bytes=DataType(str(region.source.dtype)).itemsize,
    )
