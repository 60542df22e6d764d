"""Finds which axes of which block each tile of a trace splits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from dgtl_ray.space.nest import Access, Axis, Nest
from dgtl_ray.space.sketches.anchor import Block
from dgtl_ray.space.sketches.trace import TILE, SketchTrace


@dataclass(frozen=True, kw_only=True)
class SplitLoop:
    """A loop that a tile splits.

    Attributes:
        instruction: Position of the sampling instruction.
        block: The block that it belongs to.
        axes: The axes of the block that were fused into it, mostly one.
        loop: Name of its loop variable; its parts are called `{loop}_0`, `{loop}_1`, …
    """

    instruction: int
    block: str
    axes: tuple[int, ...]
    loop: str


def split_loops(trace: SketchTrace, blocks: Mapping[str, Block]) -> list[SplitLoop]:
    """Every loop that a tile splits, in the order of the trace."""
    known: dict[str, tuple[str, tuple[int, ...], str]] = {}
    found = []
    for at, (kind, inputs, _, outputs) in enumerate(trace.instructions):
        if kind == "GetLoops":
            block = blocks.get(trace.block_name(inputs[0]))
            if block is not None and len(block.loops) == len(outputs):
                for axis, (variable, loop) in enumerate(zip(outputs, block.loops, strict=True)):
                    known[variable] = (block.name, (axis,), loop)
        elif kind == "Fuse" and all(variable in known for variable in inputs):
            parts = [known[variable] for variable in inputs]
            axes = tuple(axis for part in parts for axis in part[1])
            loop = "_".join([*(part[2] for part in parts), "fused"])
            known[outputs[0]] = (parts[0][0], axes, loop)
        elif kind == TILE and inputs[0] in known:
            block_name, axes, loop = known[inputs[0]]
            found.append(SplitLoop(instruction=at, block=block_name, axes=axes, loop=loop))
    return found


def fuse_axes(nest: Nest, axes: tuple[int, ...]) -> Nest:
    """The nest with some of its axes as one, at the place of the first.

    A step along the fused axis counts as the smallest step of its parts: footprints are exact for
    a whole axis and otherwise bounds, cut at the size of the buffer.
    """
    first, *rest = axes
    kept = [i for i in range(len(nest.axes)) if i not in rest]
    fused = Axis(
        name="_".join(nest.axes[i].name for i in axes),
        extent=prod(nest.axes[i].extent for i in axes),
        reduction=nest.axes[first].reduction,
    )

    def merge(access: Access) -> Access:
        rows = []
        for row in access.coefficients:
            step = min((abs(row[i]) for i in axes if row[i]), default=0)
            rows.append(tuple(step if i == first else row[i] for i in kept))
        return replace(access, coefficients=tuple(rows))

    return replace(
        nest,
        axes=tuple(fused if i == first else nest.axes[i] for i in kept),
        reads=tuple(merge(access) for access in nest.reads),
        write=merge(nest.write),
    )
