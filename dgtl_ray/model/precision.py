"""Networks in float16: weights and activations are kept in it, sums are made in float32.

Half a number's bits are gone where thousands of products are added up in eleven bits of mantissa.
So products, sums, averages and what is bent by exp and its like are computed in float32, and their
results rounded. On a CPU, whose arithmetic is float32 anyway, that costs nothing.
"""

from typing import Any

import tvm
from tvm import relax
from tvm.ir.attrs import make_node
from tvm.relax.expr_functor import PyExprMutator, mutator

from dgtl_ray.model.tasks import bindings

_NARROW, _WIDE = "float16", "float32"
# Linear operators, which can be told in what to add.
_PRODUCTS = frozenset(
    f"relax.{name}"
    for name in ("matmul", "nn.conv1d", "nn.conv2d", "nn.conv3d", "nn.conv1d_transpose",
                 "nn.conv2d_transpose", "nn.conv3d_transpose")
)  # fmt: skip
# Operators whose steps need more bits than their results.
_DELICATE = frozenset(
    f"relax.{name}"
    for name in ("mean", "sum", "prod", "cumsum", "cumprod", "variance", "std", "einsum", "exp",
                 "log", "log2", "log10", "erf", "sigmoid", "tanh", "power", "sqrt", "rsqrt",
                 "sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh",
                 "acosh", "atanh", "grid_sample", "image.resize2d", "image.grid_sample",
                 "nn.softmax", "nn.log_softmax", "nn.softplus", "nn.gelu", "nn.gelu_tanh",
                 "nn.silu", "nn.selu", "nn.layer_norm", "nn.group_norm",
                 "nn.instance_norm", "nn.rms_norm", "nn.avg_pool1d", "nn.avg_pool2d",
                 "nn.avg_pool3d", "nn.adaptive_avg_pool1d", "nn.adaptive_avg_pool2d",
                 "nn.adaptive_avg_pool3d")
)  # fmt: skip


def narrowed(module: Any) -> Any:
    """A float32 network in float16; what comes in and goes out stays float32.

    So do operators that TVM does not trust to float16: their inputs and outputs are rounded.
    """
    return relax.transform.ToMixedPrecision(out_dtype=_WIDE)(module)


def has_float16(module: Any) -> bool:
    """Whether `main` computes anything in float16."""
    return any(_dtype(binding.var) == _NARROW for binding in bindings(module["main"]))


@tvm.transform.module_pass(opt_level=0, name="AddInFloat32")
class AddInFloat32:
    """Has `main` compute in float32 what float16 has too few bits for, and round the result."""

    def transform_module(self, mod: Any, _context: Any) -> Any:
        """The module with another `main`, of the same inputs and outputs."""
        widener = _Widener(mod)
        widener.builder_.update_func(mod.get_global_var("main"), widener.visit_expr(mod["main"]))
        return widener.builder_.get()


@mutator
class _Widener(PyExprMutator):  # type: ignore[misc]
    """Rewrites one function, binding by binding."""

    def visit_call_(self, call: Any) -> Any:
        """The call, or its rounded result."""
        call = self.visit_expr_post_order(call)
        name = getattr(call.op, "name", "")
        if name not in (_PRODUCTS | _DELICATE) or _dtype(call) != _NARROW:
            return call
        return self._rounded(_adding_wide(call) if name in _PRODUCTS else self._on_wide(call))

    def _on_wide(self, call: Any) -> Any:
        args = [self._widened(arg) for arg in call.args]
        return relax.Call(call.op, args, call.attrs, call.ty_args)

    def _widened(self, arg: Any) -> Any:
        if isinstance(arg, relax.Tuple):
            return relax.Tuple([self._widened(field) for field in arg.fields])
        if _dtype(arg) != _NARROW:
            return arg
        return self.builder_.emit(relax.op.astype(arg, _WIDE))

    def _rounded(self, call: Any) -> Any:
        wide = self.builder_.emit(self.builder_.normalize(call))
        return self.builder_.normalize(relax.op.astype(wide, _NARROW))


def _dtype(expr: Any) -> str:
    """The dtype of a tensor, "" of all else."""
    return str(getattr(getattr(expr, "ty", None), "dtype", ""))


def _adding_wide(call: Any) -> Any:
    """The call with sums, and so a result, in float32."""
    kind = type(call.attrs).__tvm_ffi_type_info__
    attrs = {field.name: getattr(call.attrs, field.name) for field in kind.fields}
    wide = make_node(kind.type_key, **{**attrs, "out_dtype": _WIDE})
    return relax.Call(call.op, call.args, wide, call.ty_args)
