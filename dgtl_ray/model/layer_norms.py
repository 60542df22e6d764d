"""Layer norms over several axes, written as what they compute.

`ConvertLayout` moves their axes behind a convolution, but not those of their weights, which are
then read as another shape: such norms become means, products and sums, which it moves rightly.
"""

from typing import Any

import tvm
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.model.folding import constant_value, static_shape


@tvm.transform.module_pass(opt_level=0, name="SpreadLayerNorms")
class SpreadLayerNorms:
    """Spreads those of `main` that are over more than one axis."""

    def transform_module(self, mod: Any, _context: Any) -> Any:
        """The module with another `main`, of the same inputs and outputs."""
        spreader = _Spreader(mod)
        spreader.builder_.update_func(mod.get_global_var("main"), spreader.visit_expr(mod["main"]))
        return spreader.builder_.get()


@mutator
class _Spreader(PyExprMutator):  # type: ignore[misc]
    """Rewrites one function, binding by binding."""

    def visit_call_(self, call: Any) -> Any:
        """The call, or its parts."""
        call = self.visit_expr_post_order(call)
        if getattr(call.op, "name", "") != "relax.nn.layer_norm" or len(call.attrs.axes) < 2:
            return call
        return self._spread(call)

    def _spread(self, call: Any) -> Any:
        """(x − mean) / √(variance + ε) · γ + β."""
        op, emit = relax.op, self.builder_.emit
        x, gamma, beta = call.args
        axes = [int(axis) % len(static_shape(x.ty)) for axis in call.attrs.axes]
        mean = emit(op.mean(x, axes, keepdims=True))
        centred = emit(op.subtract(x, mean))
        variance = emit(op.mean(emit(op.multiply(centred, centred)), axes, keepdims=True))
        epsilon = relax.const(call.attrs.epsilon, x.ty.dtype)
        result = emit(op.multiply(centred, emit(op.rsqrt(emit(op.add(variance, epsilon))))))
        if call.attrs.scale:
            result = emit(op.multiply(result, self._along(gamma, x)))
        if call.attrs.center:
            result = emit(op.add(result, self._along(beta, x)))
        return result

    def _along(self, part: Any, x: Any) -> Any:
        """A weight with as many dimensions as what it is for."""
        shape = static_shape(part.ty)
        whole = (*[1] * (len(static_shape(x.ty)) - len(shape)), *shape)
        if (value := constant_value(part)) is not None:
            return relax.const(value.reshape(whole), part.ty.dtype)
        return self.builder_.emit(relax.op.reshape(part, whole))
