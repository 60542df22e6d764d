"""Where a block can be computed, found by replaying a sketch: it depends on all the rest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dgtl_ray.space.factors import factorisations
from dgtl_ray.space.knobs import AT_ROOT, INLINED, NO_SITE
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.replay import replay
from dgtl_ray.space.sketches.trace import LOCATION, TILE, SketchTrace

Site = tuple[int, int]

_DEEPEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where one block can be computed.

    Attributes:
        block: The block's name.
        values: The (axis, level) of the loop that each value names, ascending by value; `NO_SITE`
            where it is no part of a tile.
    """

    block: str
    values: dict[int, Site]


def read_location(module: Any, trace: SketchTrace, at: int, sites: Mapping[str, Site]) -> Location:
    """The values of the location that is chosen at a position of the trace.

    Args:
        module: The unscheduled module.
        trace: The sketch.
        at: Position of the sampling instruction.
        sites: For the name of each loop that is part of a tile, its axis and level.

    TVM gives a location that is not available the nearest one outside it, so what it makes of a
    value says whether the value is one. Loops of one iteration are never available: several
    tilings are tried, so that each loop has more than one in some of them.
    """
    block = ""
    values: dict[int, Site] = {}
    for tiles in _tilings(trace):
        decisions = {**trace.decisions, **tiles, **_others_at_root(trace)}
        for special in (INLINED, AT_ROOT):
            if _outcome(module, trace, {**decisions, at: special}, at) == special:
                values[special] = NO_SITE
        deepest = _outcome(module, trace, {**decisions, at: _DEEPEST}, at)
        block, loops = _before(module, trace, decisions, at)
        for index, (loop, extent) in enumerate(loops):
            if deepest is not None and index <= deepest and (extent > 1 or loop in sites):
                values[index] = sites.get(loop, NO_SITE)
    return Location(block=block, values=dict(sorted(values.items())))


def _tilings(trace: SketchTrace) -> Iterator[dict[int, list[int]]]:
    """Decisions for all tiles that leave as many parts as possible above one."""
    for innermost_first in (False, True):
        tiles = {}
        for at in trace.positions(TILE):
            extent = 1
            for part in trace.decisions[at]:
                extent *= part
            parts, max_innermost = trace.instructions[at][2]
            table = factorisations(extent, parts, max_innermost).tolist()
            tiles[at] = max(table, key=lambda row: _spread(row, innermost_first))
        yield tiles


def _spread(row: list[int], innermost_first: bool) -> tuple[int, list[bool]]:
    above = [part > 1 for part in row]
    return sum(above), above[::-1] if innermost_first else above


def _others_at_root(trace: SketchTrace) -> dict[int, int]:
    return dict.fromkeys(trace.positions(LOCATION), AT_ROOT)


def _outcome(module: Any, trace: SketchTrace, decisions: dict[int, Any], at: int) -> int | None:
    """What TVM makes of the location's decision, None where the replay fails."""
    try:
        state = replay(module, trace.schedule(decisions))
    except ScheduleError:
        return None
    return int(SketchTrace.of(state.trace).decisions[at])


def _before(
    module: Any, trace: SketchTrace, decisions: dict[int, Any], at: int
) -> tuple[str, list[tuple[str, int]]]:
    """Name of the block to be placed; names and extents of the loops it could go to, from outside.

    They are read from the schedule as it is when the location is chosen.
    """
    prefix = SketchTrace(instructions=trace.instructions[:at], decisions={})
    earlier = {position: value for position, value in decisions.items() if position < at}
    state = replay(module, prefix.schedule(earlier))
    handle = _handle(state, prefix, trace.instructions[at][1][0])
    consumers = state.get_consumers(handle)
    handles = state.get_loops(consumers[0]) if consumers else []
    loops = [state.get(loop) for loop in handles]
    name = str(state.get(handle).name_hint)
    return name, [(str(loop.loop_var.name), int(loop.extent)) for loop in loops]


def _handle(state: Any, prefix: SketchTrace, variable: str) -> Any:
    """The block that a variable of the trace stands for in a replayed schedule."""
    for step, instruction in zip(state.trace.insts, prefix.instructions, strict=True):
        if variable in instruction[3]:
            return step.outputs[instruction[3].index(variable)]
    raise ScheduleError(f"the trace uses {variable} before it defines it")
