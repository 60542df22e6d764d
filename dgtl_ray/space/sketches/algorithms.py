"""Algorithms of our own: programs that are written anew instead of TVM's being rearranged.

A sketch of one has, in place of the instructions of TVM's trace, a JSON object that names the
algorithm and holds whatever else it needs to know; decisions are stored as a trace's are.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from os import cpu_count
from typing import Any, TypeAlias

from dgtl_ray.core.algorithms import ATTENTION, MATMUL, WINOGRAD
from dgtl_ray.space.nest import Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.sketches.cpu_shape import CpuShape
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.own import attention, matmul, winograd
from dgtl_ray.space.sketches.own.choices import Machine
from dgtl_ray.space.sketches.scheduled import Scheduled

NAME = "algorithm"

# The unscheduled module, the instructions, the decision of each knob by its position.
Algorithm: TypeAlias = Callable[[Any, Mapping[str, Any], Mapping[int, Any]], Scheduled]
# The unscheduled module, the machine, the loops of the task's anchor.
Sketches: TypeAlias = Callable[[Any, Machine, Nest], Iterator[Sketch]]

ALGORITHMS: dict[str, Algorithm] = {
    **dict.fromkeys(winograd.NAMES, winograd.apply_winograd),
    matmul.NAME: matmul.apply_matmul,
    attention.NAME: attention.apply_attention,
}
# By the kind of target, and the name that users know.
_SKETCHES: dict[str, dict[str, Sketches]] = {
    "llvm": {
        WINOGRAD: winograd.winograd_sketches,
        MATMUL: matmul.matmul_sketches,
        ATTENTION: attention.attention_sketches,
    }
}


def own_sketches(
    module: Any, target: Any, workload: Nest, algorithms: Collection[str]
) -> list[Sketch]:
    """The sketches of every algorithm that fits a task and is among `algorithms`.

    Args:
        module: The unscheduled program.
        target: TVM's target.
        workload: The loops of the task's anchor.
        algorithms: Names that users know.
    """
    kind = target.kind.name
    if kind not in _SKETCHES:
        return []
    machine = Machine(
        cpu=CpuShape.of(target), cores=int(target.attrs.get("num-cores", cpu_count() or 1))
    )
    return [
        sketch
        for name, sketches in _SKETCHES[kind].items()
        if name in algorithms
        for sketch in sketches(module, machine, workload)
    ]


def apply_algorithm(
    module: Any, instructions: Mapping[str, Any], decisions: Mapping[int, Any]
) -> Scheduled:
    """What the algorithm that `instructions` name makes of a program.

    Raises:
        ScheduleError: There is no such algorithm, or it does not fit the program.
    """
    name = str(instructions.get(NAME))
    if name not in ALGORITHMS:
        raise ScheduleError(f"there is no algorithm {name!r}; known: {sorted(ALGORITHMS)}")
    return ALGORITHMS[name](module, instructions, decisions)
