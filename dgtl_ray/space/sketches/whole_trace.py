"""A schedule as one trace of TVM's, with all that is done to a program besides the sketch."""

from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.sketches.context import parse_target, postprocessors
from dgtl_ray.space.sketches.cpu_shape import CpuShape
from dgtl_ray.space.sketches.default_cpu import schedule_cpu
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.packing import reorder_weights
from dgtl_ray.space.sketches.replay import apply_schedule, parse_program, replay


def whole_trace(program: str, target: str, schedule: str) -> Any:
    """What `apply_schedule` does, as a `tvm.s_tir.schedule.Trace` that any TVM can replay.

    Where weights are packed, the trace puts the blocks that pack them before the program, as TVM's
    own does: relax's `SplitLayoutRewritePreproc` makes functions of them.

    Args:
        program: TVM's JSON of the unscheduled module.
        target: TVM's target as JSON.
        schedule: Of one of TVM's sketches, or `""` for the default schedule of a CPU.

    Raises:
        ScheduleError: The schedule does not fit the program.
        InputError: It is the default schedule of a GPU, whose rules leave no trace.
    """
    scheduled = apply_schedule(program, target, schedule)
    state = _scheduled(parse_program(program), target, schedule)
    if scheduled.preparations and not reorder_weights(state):
        raise ScheduleError("its weights cannot be packed again as they were")
    return state.trace


def _scheduled(module: Any, target: str, schedule: str) -> Any:
    if not schedule:
        parsed = parse_target(target)
        if parsed.kind.name == "cuda":
            raise InputError("the default schedule of a GPU has no trace")
        return schedule_cpu(module, CpuShape.of(parsed))
    state = replay(module, schedule)
    state.enter_postproc()
    for step in postprocessors(target):
        step.apply(state)
    return state
