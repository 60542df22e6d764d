"""Weights apart from code: taken out of a network's program, written, read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.core.errors import InputError

Array = NDArray[Any]


@mutator
class _ConstantLifter(PyExprMutator):  # type: ignore[misc]
    """Puts a variable in the place of every constant."""

    def __init__(self, module: tvm.IRModule) -> None:
        super().__init__(module)
        self.variables: list[Any] = []
        self.constants: list[Any] = []

    def visit_generic_const_(self, constant: Any) -> Any:
        """The variable that stands for this constant."""
        variable = relax.Var(f"weight{len(self.variables)}", constant.ty)
        self.variables.append(variable)
        self.constants.append(constant)
        return variable


def lift_weights(module: tvm.IRModule) -> tuple[tvm.IRModule, tuple[Array, ...]]:
    """Make every constant of `main` a further argument.

    Returns:
        The module, and the values of the new arguments in order.
    """
    main = module["main"]
    lifter = _ConstantLifter(module)
    body = lifter.visit_expr(main.body)
    lifted = relax.Function(
        [*main.params, *lifter.variables], body, main.ret_ty, main.is_pure, main.attrs
    )
    functions = {**dict(module.functions_items()), module.get_global_var("main"): lifted}
    values = tuple(np.from_dlpack(constant.value) for constant in lifter.constants)
    return tvm.IRModule(functions, attrs=module.attrs), values


def write_weights(path: Path, weights: Sequence[Array]) -> None:
    """Write arrays, one after the other."""
    with path.open("wb") as file:
        for array in weights:
            np.save(file, array, allow_pickle=False)


def read_weights(path: Path) -> Iterator[Array]:
    """Arrays in the order in which they were written; one at a time is in memory.

    Raises:
        InputError: The file is damaged.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < end:
            try:
                yield np.load(file, allow_pickle=False)
            except (ValueError, EOFError) as error:
                raise InputError(f"{path} is damaged ({error}): save the module again") from error
