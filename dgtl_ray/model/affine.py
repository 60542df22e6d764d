"""Folds per-channel multiplications and additions with constants into linear operators.

A batch norm is one of each. Behind a convolution, a transposed convolution or a matrix product it
scales the weights and moves the bias; before one it does, too, where zero padding lies not between.
"""

from collections import Counter
from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.model.folding import Array, constant_value, static_shape
from dgtl_ray.model.linear import Linear
from dgtl_ray.model.uses import count_uses

_SCALES = ("relax.multiply", "relax.divide")
_SHIFTS = ("relax.add", "relax.subtract")


@tvm.transform.module_pass(opt_level=0, name="FoldAffine")
class FoldAffine:
    """Leaves at most one addition, the bias, behind each linear operator of `main`."""

    def transform_module(self, mod: Any, _context: Any) -> Any:
        """The module with a folded `main`; what became dead is left to others."""
        folder = _Folder(mod, count_uses(mod["main"]))
        folder.builder_.update_func(mod.get_global_var("main"), folder.visit_expr(mod["main"]))
        return folder.builder_.get()


@mutator
class _Folder(PyExprMutator):  # type: ignore[misc]
    """Rewrites one function, binding by binding."""

    def __init__(self, mod: Any, uses: Counter[Any]) -> None:
        super().__init__(mod)
        self._uses = uses
        self._single: set[Any] = set()  # new variables that are read once

    def visit_var_binding_(self, binding: Any) -> None:
        """Remember of which old variable a new one takes the place."""
        super().visit_var_binding_(binding)
        if self._uses[binding.var] == 1:
            self._single.add(self.visit_expr(binding.var))

    def visit_call_(self, call: Any) -> Any:
        """The call, or what it becomes where something folds."""
        call = self.visit_expr_post_order(call)
        name = getattr(call.op, "name", "")
        if name in (*_SCALES, *_SHIFTS):
            folded = self._behind(name, call)
            return call if folded is None else folded
        linear = Linear.of(call, self._value)
        return call if linear is None else self._before(linear)

    def _behind(self, name: str, call: Any) -> Any:
        """A linear operator with its bias, where `call` is affine in its result."""
        sides = self._sides(name, call)
        if sides is None:
            return None
        inner, constant = sides
        linear, bias = self._linear_and_bias(inner)
        vector = None if linear is None else linear.per_channel(constant, static_shape(call.ty))
        if linear is None or vector is None:
            return None
        if name in _SHIFTS:
            if bias is None:
                return None  # it is the bias
            return self._with_bias(linear.call, linear, _apply(name, bias, vector, call))
        weights = linear.scaled_outputs(_apply(name, np.ones_like(vector), vector, call))
        moved = None if bias is None else _apply(name, bias, vector, call)
        return self._with_bias(weights, linear, moved)

    def _sides(self, name: str, call: Any) -> tuple[Any, Array] | None:
        """The variable and the constant of an operation; where it commutes, in either order."""
        left, right = call.args
        value = constant_value(self._value(right))
        if value is not None:
            return left, value
        value = constant_value(self._value(left))
        commutes = name in ("relax.add", "relax.multiply")
        return (right, value) if value is not None and commutes else None

    def _linear_and_bias(self, expr: Any) -> tuple[Linear | None, Array | None]:
        """The linear operator that `expr` comes from, plus a constant perhaps; read only here."""
        bound = self._only_here(expr)
        linear = None if bound is None else Linear.of(bound, self._value)
        if bound is None or linear is not None:
            return linear, None
        name = getattr(getattr(bound, "op", None), "name", "")
        sides = self._sides(name, bound) if name in _SHIFTS else None
        inner = None if sides is None else self._only_here(sides[0])
        linear = None if inner is None else Linear.of(inner, self._value)
        if sides is None or linear is None:
            return None, None
        vector = linear.per_channel(sides[1], static_shape(bound.ty))
        if vector is None:
            return None, None
        return linear, _apply(name, np.zeros_like(vector), vector, bound)

    def _before(self, linear: Linear) -> Any:
        """The operator that does what its input's scale and shift did."""
        call, bias = linear.call, None
        while (found := self._affine_input(call)) is not None:
            name, inner, constant = found
            current = Linear.of(call, self._value)
            vector = (
                None if current is None else current.per_input(constant, static_shape(inner.ty))
            )
            if current is None or vector is None:
                break
            if name in _SHIFTS:
                if current.pads:
                    break
                moved = current.response(_apply(name, np.zeros_like(vector), vector, inner))
                bias = moved if bias is None else bias + moved
                call = self.builder_.normalize(current.with_args(inner, current.weights))
            else:
                factor = _apply(name, np.ones_like(vector), vector, inner)
                call = self.builder_.normalize(
                    current.with_args(inner, current.weights_for_scaled_inputs(factor))
                )
        return call if bias is None else self._with_bias(call, linear, bias)

    def _affine_input(self, call: Any) -> tuple[str, Any, Array] | None:
        bound = self._only_here(call.args[0])
        name = getattr(getattr(bound, "op", None), "name", "")
        sides = self._sides(name, bound) if name in (*_SCALES, *_SHIFTS) else None
        return None if sides is None else (name, *sides)

    def _with_bias(self, call: Any, linear: Linear, bias: Array | None) -> Any:
        call = self.builder_.normalize(call)
        if bias is None:
            return call
        result = self.builder_.emit(call)
        self._single.add(result)
        shape = linear.bias_shape(len(call.ty.shape))
        constant = relax.const(bias.reshape(shape), call.ty.dtype)
        return self.builder_.normalize(relax.op.add(result, constant))

    def _only_here(self, expr: Any) -> Any:
        """What a variable that is read once is bound to; None for any other expression."""
        if isinstance(expr, relax.Var) and expr in self._single:
            return self.lookup_binding(expr)
        return None

    def _value(self, arg: Any) -> Any:
        bound = self.lookup_binding(arg) if isinstance(arg, relax.Var) else None
        return bound if isinstance(bound, tvm.ir.GenericConst) else arg


_OPERATIONS = {
    "relax.add": np.add,
    "relax.subtract": np.subtract,
    "relax.multiply": np.multiply,
    "relax.divide": np.divide,
}


def _apply(name: str, left: Array, right: Array, call: Any) -> Array:
    """In double precision, so that a chain is rounded once."""
    result: Array = _OPERATIONS[name](left.astype(np.float64), right.astype(np.float64))
    return result.astype(str(call.ty.dtype))
