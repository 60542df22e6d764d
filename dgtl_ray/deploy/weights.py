"""Weights apart from code: taken out of a network's program, and prepared for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.measure.preparing import Preparer
from dgtl_ray.model.tasks import result_types
from dgtl_ray.space.sketches import Preparation
from dgtl_ray.space.sketches.scheduled import spec_of

Array = NDArray[Any]

# Preparations of the layers, by the name of the layer's function.
Preparations = Mapping[str, Sequence[Preparation]]


@dataclass(frozen=True, kw_only=True)
class _Weight:
    """A constant of the network, and the number of the function that prepares it, None for none."""

    constant: Any
    preparation: int | None


class Weights:
    """A network's weights as its program takes them; each is prepared when it is asked for."""

    def __init__(self, weights: Sequence[_Weight], preparer: Preparer) -> None:
        self._weights = tuple(weights)
        self._preparer = preparer

    def __len__(self) -> int:
        return len(self._weights)

    def __iter__(self) -> Iterator[Array]:
        """One after the other: what was given is not kept."""
        for weight in self._weights:
            if weight.preparation is None:
                yield np.from_dlpack(weight.constant)
            else:
                yield self._preparer.prepare(weight.preparation, weight.constant)


@mutator
class _ConstantLifter(PyExprMutator):  # type: ignore[misc]
    """Puts a variable in the place of every constant, and of every weight that is prepared."""

    def __init__(self, module: tvm.IRModule, preparations: Preparations) -> None:
        super().__init__(module)
        self.variables: list[Any] = []
        self.weights: list[_Weight] = []
        self.functions: list[Any] = []
        self.layers: dict[str, Any] = {}
        self._module = module
        self._preparations = preparations
        self._known: dict[tuple[Any, int | None], Any] = {}
        self._numbers: dict[int, int] = {}

    def visit_generic_const_(self, constant: Any) -> Any:
        """The variable that stands for this constant."""
        return self._variable(constant, None)

    def visit_call_(self, call: Any) -> Any:
        """The call, on variables; a layer gets its weights prepared."""
        wanted = {p.parameter: p.function for p in self._preparations.get(_callee(call), ())}
        if not wanted:
            return self.visit_expr_post_order(call)
        arguments = [
            self._variable(field, wanted[k]) if k in wanted else self.visit_expr(field)
            for k, field in enumerate(call.args[1].fields)
        ]
        layer = self._layer(_callee(call))
        return relax.call_tir(layer, relax.Tuple(arguments), result_types(call))

    def _layer(self, name: str) -> Any:
        """A variable for a layer that has its weights prepared: the old one has an older type."""
        if name not in self.layers:
            self.layers[name] = relax.BlockBuilder().add_func(self._module[name], name)
        return self.layers[name]

    def _variable(self, constant: Any, function: Any) -> Any:
        """The one variable for a constant in one form."""
        number = None if function is None else self._number(function)
        key = (constant, number)
        if key not in self._known:
            type_ = constant.ty if function is None else _prepared_type(function)
            self._known[key] = relax.Var(f"weight{len(self.variables)}", type_)
            self.variables.append(self._known[key])
            self.weights.append(_Weight(constant=constant.value, preparation=number))
        return self._known[key]

    def _number(self, function: Any) -> int:
        """The number of a preparation; those that do the same have the same."""
        number = self._numbers.setdefault(tvm_ffi.structural_hash(function), len(self._numbers))
        if number == len(self.functions):
            self.functions.append(function)
        return number


def _callee(call: Any) -> str:
    """The name of the layer that is called, "" where none is."""
    variable = call.args[0] if call.args else None
    return str(variable.name_hint) if isinstance(variable, tvm.ir.GlobalVar) else ""


def _prepared_type(function: Any) -> Any:
    spec = spec_of(function.params[1])
    return relax.TensorType(spec.shape, spec.dtype)


def lift_weights(module: tvm.IRModule, preparations: Preparations) -> tuple[tvm.IRModule, Weights]:
    """Make every constant of `main` a further argument, in the form in which layers take it.

    Returns:
        The module, and the values of the new arguments in order.
    """
    main = module["main"]
    lifter = _ConstantLifter(module, preparations)
    body = lifter.visit_expr(main.body)
    lifted = relax.Function(
        [*main.params, *lifter.variables], body, main.ret_ty, main.is_pure, main.attrs
    )
    functions = {
        lifter.layers.get(str(variable.name_hint), variable): function
        for variable, function in module.functions_items()
    }
    functions[module.get_global_var("main")] = lifted
    weights = Weights(lifter.weights, Preparer(lifter.functions))
    return tvm.IRModule(functions, attrs=module.attrs), weights
