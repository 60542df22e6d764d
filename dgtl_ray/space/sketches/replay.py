"""From a schedule's text to the scheduled module."""

import json
from functools import lru_cache
from typing import Any

import tvm
from tvm.s_tir import Schedule
from tvm.s_tir.schedule import Trace

from dgtl_ray.core.errors import last_line
from dgtl_ray.core.roles import UNTUNED
from dgtl_ray.space.sketches.algorithms import apply_algorithm
from dgtl_ray.space.sketches.context import parse_target, postprocessors
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.packing import pack_weights
from dgtl_ray.space.sketches.scheduled import Scheduled


def apply_schedule(program: str, target: str, schedule: str) -> Scheduled:
    """A task's program as a schedule makes it, and what that expects of the weights.

    Args:
        program: TVM's JSON of the unscheduled module (`LayerTask.program`).
        target: TVM's target as JSON.
        schedule: What `DesignSpace.schedule_of` gave, `""` for the default schedule, or `UNTUNED`
            for what TVM makes of it by itself: plain loops for CPUs, its own rules for CUDA.

    Raises:
        ScheduleError: The schedule does not fit the program, or TVM rejects the result.
    """
    module = parse_program(program)
    if schedule == UNTUNED and parse_target(target).kind.name != "cuda":
        return Scheduled(module=module)
    if schedule in ("", UNTUNED):
        from dgtl_ray.space.sketches.default import apply_default

        return pack_weights(apply_default(module, parse_target(target)))
    instructions, decisions = _read(schedule)
    if isinstance(instructions, dict):
        return apply_algorithm(module, instructions, dict(decisions))
    return pack_weights(_postprocessed(replay(module, schedule), target))


def _postprocessed(state: Any, target: str) -> Any:
    for step in postprocessors(target):
        if not step.apply(state):
            name = str(step).rsplit(".", 1)[-1]
            raise ScheduleError(f"TVM's postprocessor {name} rejects the schedule")
    return state.mod


def _read(schedule: str) -> tuple[Any, list[Any]]:
    """A schedule's instructions, and its decisions as pairs of position and value.

    Raises:
        ScheduleError: The text is none.
    """
    try:
        instructions, decisions = json.loads(schedule)
    except (ValueError, TypeError) as error:
        raise ScheduleError(f"not a schedule: {error}") from error
    return instructions, decisions


@lru_cache(maxsize=64)
def parse_program(program: str) -> Any:
    """A program's module; a worker meets the same few programs again and again."""
    return tvm.ir.load_json(program)


def replay(module: Any, schedule: str) -> Any:
    """TVM's schedule after its trace, before the postprocessors.

    Raises:
        ScheduleError: The trace does not fit the module.
    """
    state = Schedule(module, seed=1, debug_mask="none")
    try:
        Trace.apply_json_to_schedule(json.loads(schedule), state)
    except Exception as error:
        raise ScheduleError(f"the trace does not fit the program: {last_line(error)}") from error
    return state
