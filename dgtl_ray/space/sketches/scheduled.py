"""What becomes of a task's program when a schedule is applied to it."""

from dataclasses import dataclass
from typing import Any

import tvm

from dgtl_ray.core.task import TensorSpec

# How preparations are called in a module of their own, before the number of the parameter.
_NAME = "prepare_"


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How a weight is brought into the form in which a scheduled program reads it.

    Attributes:
        parameter: Position of the weight among the arguments.
        function: A PrimFunc from the network's own weight to the prepared one.
    """

    parameter: int
    function: Any

    @property
    def weight(self) -> TensorSpec:
        """What it takes."""
        return spec_of(self.function.params[0])

    @property
    def prepared(self) -> TensorSpec:
        """What it gives."""
        return spec_of(self.function.params[1])


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A scheduled program, ready to compile.

    Attributes:
        module: An IRModule whose `main` takes prepared weights.
        preparations: One for each weight that is not taken as the network has it.
    """

    module: Any
    preparations: tuple[Preparation, ...] = ()

    @property
    def args(self) -> tuple[TensorSpec, ...]:
        """Shapes and dtypes of what `main` takes, inputs before outputs."""
        return tuple(spec_of(parameter) for parameter in self.module["main"].params)


def spec_of(buffer: Any) -> TensorSpec:
    """Shape and dtype of a buffer whose shape is static."""
    return TensorSpec(shape=tuple(map(int, buffer.shape)), dtype=str(buffer.dtype))


def preparations_text(preparations: tuple[Preparation, ...]) -> str:
    """Preparations as text that travels anywhere, `""` where there are none."""
    if not preparations:
        return ""
    functions = {f"{_NAME}{p.parameter}": p.function for p in preparations}
    return str(tvm.ir.save_json(tvm.IRModule(functions)))


def parse_preparations(text: str) -> tuple[Preparation, ...]:
    """The preparations that `preparations_text` wrote, by ascending parameter."""
    if not text:
        return ()
    found = (
        Preparation(parameter=int(variable.name_hint.removeprefix(_NAME)), function=function)
        for variable, function in tvm.ir.load_json(text).functions_items()
    )
    return tuple(sorted(found, key=lambda preparation: preparation.parameter))
