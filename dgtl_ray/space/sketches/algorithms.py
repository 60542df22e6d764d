"""Algorithms of our own: programs that are written anew instead of TVM's being rearranged.

A sketch of one has, in place of the instructions of TVM's trace, a JSON object that names the
algorithm and holds whatever else it needs to know; decisions are stored as a trace's are.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.scheduled import Scheduled

NAME = "algorithm"

# The unscheduled module, the target, the instructions, the decision of each knob by its position.
Algorithm: TypeAlias = Callable[[Any, Any, Mapping[str, Any], Mapping[int, Any]], Scheduled]

ALGORITHMS: dict[str, Algorithm] = {}


def apply_algorithm(
    module: Any, target: Any, instructions: Mapping[str, Any], decisions: Mapping[int, Any]
) -> Scheduled:
    """What the algorithm that `instructions` name makes of a program.

    Raises:
        ScheduleError: There is no such algorithm, or it does not fit the program.
    """
    name = str(instructions.get(NAME))
    if name not in ALGORITHMS:
        raise ScheduleError(f"there is no algorithm {name!r}; known: {sorted(ALGORITHMS)}")
    return ALGORITHMS[name](module, target, instructions, decisions)
