"""One sketch, from TVM's trace to knobs and a nest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from dgtl_ray.space.knobs import Knob, KnobKind
from dgtl_ray.space.nest import Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.sketches.anchor import Block, anchor_of
from dgtl_ray.space.sketches.locations import Site, read_location
from dgtl_ray.space.sketches.tiles import SplitLoop, fuse_axes, split_loops
from dgtl_ray.space.sketches.trace import CATEGORICAL, LOCATION, TILE, SketchTrace

_UNROLL = "meta_schedule.unroll_explicit"
_FETCH = "meta_schedule.cooperative_fetch"
_FEWEST_THREADS = "meta_schedule.thread_extent_low_inclusive"
_MOST_THREADS = "meta_schedule.thread_extent_high_inclusive"
_PIPELINE = "software_pipeline_stage"


@dataclass(frozen=True, kw_only=True)
class _Tiles:
    """The tiles of a sketch.

    Attributes:
        nest: What those of the anchor block split.
        splits: The loops of the anchor block that are split.
        axes: The axis of each.
        names: What each tile of the whole sketch splits, by the position of its instruction.
    """

    nest: Nest
    splits: tuple[SplitLoop, ...]
    axes: tuple[int, ...]
    names: Mapping[int, str]

    @property
    def sites(self) -> dict[str, Site]:
        """The (axis, level) of every loop that is part of a tile, by its name."""
        return {
            f"{split.loop}_{part}": (axis, level)
            for split, axis in zip(self.splits, self.axes, strict=True)
            for part, level in enumerate(self.nest.levels_of(self.nest.axes[axis]))
        }


def read_sketch(module: Any, trace: SketchTrace, blocks: Mapping[str, Block]) -> Sketch:
    """The sketch that a trace stands for.

    Args:
        module: The unscheduled module.
        trace: What TVM's rules made of it.
        blocks: The module's blocks (`read_blocks`).
    """
    tiles = _read_tiles(trace, blocks)
    knobs = tuple(_read_knobs(module, trace, tiles))
    by_instruction = {knob.instruction: i for i, knob in enumerate(knobs)}
    split_by = {
        axis: by_instruction[split.instruction]
        for split, axis in zip(tiles.splits, tiles.axes, strict=True)
    }
    low, high = trace.annotations(_FEWEST_THREADS), trace.annotations(_MOST_THREADS)
    return Sketch(
        knobs=knobs,
        nest=tiles.nest,
        tiles=tuple(split_by.get(axis, -1) for axis in range(len(tiles.nest.axes))),
        instructions=trace.text(),
        write_level=_write_level(trace, tiles),
        stages=max((max(stages) for stages in trace.annotations(_PIPELINE)), default=0) + 1,
        thread_range=(low[0], high[0]) if low and high else (0, 0),
        rfactor=_rfactor(trace),
    )


def _read_tiles(trace: SketchTrace, blocks: Mapping[str, Block]) -> _Tiles:
    """The tiles of the block with the most work among those that are split."""
    splits = split_loops(trace, blocks)
    split_blocks = {split.block: blocks[split.block] for split in splits}
    anchor = anchor_of(split_blocks or dict(blocks))
    nest = anchor.nest
    own = tuple(split for split in splits if split.block == anchor.name)
    for split in own:
        if len(split.axes) > 1:
            nest = fuse_axes(nest, split.axes)
    # Fusing shifts only the axes behind the fused ones, and TVM fuses the last.
    return _Tiles(
        nest=nest,
        splits=own,
        axes=tuple(split.axes[0] for split in own),
        names={split.instruction: _axis_names(blocks[split.block], split) for split in splits},
    )


def _axis_names(block: Block, split: SplitLoop) -> str:
    return "_".join(block.nest.axes[axis].name for axis in split.axes)


def _read_knobs(module: Any, trace: SketchTrace, tiles: _Tiles) -> list[Knob]:
    knobs: list[Knob] = []
    names: set[str] = set()
    for at, (kind, inputs, attributes, outputs) in enumerate(trace.instructions):
        if kind == TILE:
            parts, max_innermost = attributes
            knob = Knob(
                name=f"tile {tiles.names.get(at, inputs[0])}",
                kind=KnobKind.TILE,
                instruction=at,
                shape=(prod(trace.decisions[at]), parts, max_innermost),
            )
        elif kind == CATEGORICAL:
            knob = Knob(
                name=_role(trace, outputs[0]),
                kind=KnobKind.CATEGORICAL,
                instruction=at,
                values=tuple(int(value) for value in attributes[0]),
            )
        elif kind == LOCATION:
            location = read_location(module, trace, at, tiles.sites)
            knob = Knob(
                name=f"{location.block} at",
                kind=KnobKind.LOCATION,
                instruction=at,
                values=tuple(location.values),
                sites=tuple(location.values.values()),
            )
        else:
            continue
        knobs.append(replace(knob, name=_unique(knob.name, names)))
    return knobs


def _role(trace: SketchTrace, variable: str) -> str:
    """What a categorical choice is for, from the instruction that uses it."""
    user = trace.user_of(variable)
    if user is None:
        return "choice"
    kind, inputs, attributes, _ = user
    if kind == "Annotate" and attributes == [_UNROLL]:
        return "unroll"
    if kind == "Annotate" and attributes == [_FETCH]:
        return f"fetch {_cached_read(trace, inputs[0])}"
    return "threads" if kind == "Split" else "choice"


def _cached_read(trace: SketchTrace, block: str) -> int:
    """Which operand a caching block stages."""
    for kind, _, attributes, outputs in trace.instructions:
        if kind == "CacheRead" and block in outputs:
            return int(attributes[0])
    return 0


def _write_level(trace: SketchTrace, tiles: _Tiles) -> int:
    """The tile level inside which the epilogue is computed, -1 where it is a pass of its own."""
    names = _split_outputs(trace, tiles)
    for kind, inputs, _, _ in trace.instructions:
        if kind == "ReverseComputeAt" and inputs[1] in names:
            return names[inputs[1]]
    return -1


def _rfactor(trace: SketchTrace) -> int:
    """Which part of a split reduction the first partial results run over, -1 without any."""
    for at in trace.positions("RFactor"):
        loop = trace.instructions[at][1][0]
        for kind, _, _, outputs in trace.instructions[:at]:
            if kind == "Split" and loop in outputs:
                return outputs.index(loop)
    return -1


def _split_outputs(trace: SketchTrace, tiles: _Tiles) -> dict[str, int]:
    """The tile level of each loop variable that a tile's split gives."""
    levels: dict[str, int] = {}
    for split, axis in zip(tiles.splits, tiles.axes, strict=True):
        factors = trace.instructions[split.instruction][3]
        user = trace.user_of(factors[0])
        if user is not None:
            levels |= zip(user[3], tiles.nest.levels_of(tiles.nest.axes[axis]), strict=False)
    return levels


def _unique(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken already."""
    number, unique = 2, name
    while unique in taken:
        unique = f"{name} {number}"
        number += 1
    taken.add(unique)
    return unique
