"""Folds what is constant with NumPy, and drops or simplifies operations that move no data.

TVM's own `FoldConstant` compiles a kernel for each operation it folds, seconds for a network of
ordinary size. Nearly all of them are a handful of operations on weights, which NumPy does at once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

Array = NDArray[Any]

_ARITHMETIC: Mapping[str, Callable[..., Array]] = {
    "relax.add": np.add,
    "relax.subtract": np.subtract,
    "relax.multiply": np.multiply,
    "relax.divide": np.divide,
    "relax.sqrt": np.sqrt,
}
# Of any dtype: index arithmetic, masks, position tables.
_ELEMENTWISE: Mapping[str, Callable[..., Array]] = {
    "relax.less": np.less,
    "relax.less_equal": np.less_equal,
    "relax.greater": np.greater,
    "relax.greater_equal": np.greater_equal,
    "relax.equal": np.equal,
    "relax.where": np.where,
}
_INDEX_ARITHMETIC: Mapping[str, Callable[..., Array]] = {
    "relax.add": np.add,
    "relax.subtract": np.subtract,
    "relax.multiply": np.multiply,
}
_LAYOUT: Mapping[str, Callable[[Array, Any], Array]] = {
    "relax.reshape": lambda x, call: x.reshape(static_shape(call.ty)),
    "relax.expand_dims": lambda x, call: x.reshape(static_shape(call.ty)),
    "relax.squeeze": lambda x, call: x.reshape(static_shape(call.ty)),
    "relax.permute_dims": lambda x, call: np.transpose(x, permutation(call)),
    "relax.broadcast_to": lambda x, call: np.broadcast_to(x, static_shape(call.ty)),
}


def static_shape(tensor_type: Any) -> tuple[int, ...]:
    """The shape of a tensor type as integers; ValueError where a dimension is symbolic."""
    shape = tensor_type.shape
    if shape is None or not all(isinstance(dim, tvm.tirx.IntImm) for dim in shape):
        raise ValueError(f"shape {shape} is not static")
    return tuple(int(dim) for dim in shape)


def permutation(call: Any) -> tuple[int, ...]:
    """The axes of a `permute_dims` call; without any given they are reversed."""
    rank = len(call.ty.shape)
    axes = call.attrs.axes
    return tuple(range(rank))[::-1] if axes is None else tuple(int(a) % rank for a in axes)


def constant_value(expr: Any) -> Array | None:
    """The value of a constant tensor; None for any other expression."""
    return np.asarray(expr.value.numpy()) if isinstance(expr, tvm.ir.GenericConst) else None


@tvm.transform.module_pass(opt_level=0, name="FoldWithNumpy")
class FoldWithNumpy:
    """Replaces foldable calls of `main` by constants, and no-ops by their argument."""

    def transform_module(self, mod: Any, _context: Any) -> Any:
        """The module with a folded `main`; other functions are left alone."""
        folder = _Folder(mod)
        folder.builder_.update_func(mod.get_global_var("main"), folder.visit_expr(mod["main"]))
        return folder.builder_.get()


@mutator
class _Folder(PyExprMutator):  # type: ignore[misc]
    """Rewrites one function, binding by binding."""

    def visit_call_(self, call: Any) -> Any:
        """A constant, a simpler call, or the call itself."""
        call = self.visit_expr_post_order(call)
        name = getattr(call.op, "name", "")
        args = [self._value(arg) for arg in call.args]
        operator = _operator(name, call)
        if operator is not None and all(map(_is_constant, args)):
            return _constant(operator(*map(_to_numpy, args)), call)
        if name == "relax.astype" and _is_float(call) and _is_float(args[0]):
            return self._cast(args[0], call)
        if name in _LAYOUT and _is_constant(args[0]):
            return _constant(_LAYOUT[name](_to_numpy(args[0]), call), call)
        return self._simplified(name, call)

    def _value(self, arg: Any) -> Any:
        """What a variable is bound to, where that is a constant; else the argument itself."""
        bound = self.lookup_binding(arg) if isinstance(arg, relax.Var) else None
        return bound if _is_constant(bound) else arg

    def _cast(self, arg: Any, call: Any) -> Any:
        """The value of a float in another format: of what it was before it was in a finer one."""
        if _is_constant(arg):
            return _constant(_narrowed(_to_numpy(arg), str(call.ty.dtype)), call)
        bound: Any = self.lookup_binding(arg) if isinstance(arg, relax.Var) else None
        if _name(bound) == "relax.astype" and _is_float(bound.args[0]) and _is_finer(bound):
            arg = bound.args[0]
        if str(arg.ty.dtype) == str(call.ty.dtype):
            return arg
        return self.builder_.normalize(relax.op.astype(arg, call.ty.dtype))

    def _simplified(self, name: str, call: Any) -> Any:
        """The call by cheaper means, or as it is."""
        if name == "relax.permute_dims" and _keeps_order(call):
            return self._reshape(call.args[0], call)
        if name == "relax.reshape" and self._is_reshape(call.args[0]):
            return self._reshape(self.lookup_binding(call.args[0]).args[0], call)
        if name == "relax.squeeze":
            # `ConvertLayout` runs out of memory on an axis that counts from the end.
            return self._reshape(call.args[0], call)
        if name == "relax.nn.adaptive_avg_pool2d" and _same_shape(call.args[0], call):
            return call.args[0]
        return call

    def _is_reshape(self, arg: Any) -> bool:
        bound = self.lookup_binding(arg) if isinstance(arg, relax.Var) else None
        return _name(bound) == "relax.reshape"

    def _reshape(self, arg: Any, call: Any) -> Any:
        """The reshape of `arg` that gives the shape of `call`."""
        return self.builder_.normalize(relax.op.reshape(arg, call.ty.shape))


def _name(expr: Any) -> str:
    """Of the operator that is called, "" where none is."""
    return str(getattr(getattr(expr, "op", None), "name", ""))


def _is_finer(cast: Any) -> bool:
    """Whether a cast between floats loses nothing."""
    before, after = (np.finfo(str(expr.ty.dtype)) for expr in (cast.args[0], cast))
    return bool(after.bits > before.bits)


def _narrowed(value: Array, dtype: str) -> Array:
    """Floats in another format; finite ones stay finite: the lowest, a mask's, is another there."""
    limit = np.finfo(dtype).max
    return np.where(np.isfinite(value), np.clip(value, -limit, limit), value).astype(dtype)


def _is_constant(expr: Any) -> bool:
    return isinstance(expr, tvm.ir.GenericConst | tvm.tirx.FloatImm | tvm.tirx.IntImm)


def _operator(name: str, call: Any) -> Callable[..., Array] | None:
    """What computes a call elementwise; integers' division rounds in TVM's own way."""
    if name in _ELEMENTWISE:
        return _ELEMENTWISE[name]
    return (_ARITHMETIC if _is_float(call) else _INDEX_ARITHMETIC).get(name)


def _is_float(expr: Any) -> bool:
    """Whether it is one tensor, of a format that NumPy knows."""
    return str(getattr(expr.ty, "dtype", "")).startswith("float")


def _to_numpy(expr: Any) -> Any:
    return expr.value.numpy() if isinstance(expr, tvm.ir.GenericConst) else expr.value


def _constant(value: Array, call: Any) -> Any:
    return relax.const(np.asarray(value, order="C"), call.ty.dtype)


def _same_shape(left: Any, right: Any) -> bool:
    return bool(tvm_ffi.structural_equal(left.ty.shape, right.ty.shape))


def _keeps_order(call: Any) -> bool:
    """Whether a permutation moves axes of extent 1 only: memory stays as it is."""
    shape = call.args[0].ty.shape
    moved = [axis for axis in permutation(call) if not _is_one(shape[axis])]
    return moved == sorted(moved)


def _is_one(dim: Any) -> bool:
    return isinstance(dim, tvm.tirx.IntImm) and int(dim) == 1
