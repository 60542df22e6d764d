"""Arithmetic and comparisons by torch's rules for dtypes: TVM wants both sides of one."""

from collections.abc import Callable
from typing import Any

import torch
from tvm import relax

from dgtl_ray.model.torch_ops.call import Call, Converter, dtype_of, tvm_dtype

_Operator = Callable[[Any, Any], Any]


def _operands(call: Call) -> tuple[Any, Any]:
    """Both sides, in the result's dtype, or where that is a truth value, in their common one."""
    dtype = call.dtype
    if dtype == "bool":
        dtype = tvm_dtype(torch.result_type(call.metas[0], call.metas[1]))
        if dtype == "bool" and not call.node.name.startswith("bitwise"):
            dtype = "int8"  # LLVM has no comparison of truth values as TVM writes it
    return call.cast(call.args[0], dtype), call.cast(call.args[1], dtype)


def _binary(operator: _Operator) -> Converter:
    return lambda call: call.emit(operator(*_operands(call)))


def _scaled(operator: _Operator) -> Converter:
    """Sum: x + alpha · y, or with another sign."""

    def convert(call: Call) -> Any:
        x, y = _operands(call)
        alpha = call.args[2]
        if alpha != 1:
            y = call.emit(relax.op.multiply(y, relax.const(alpha, call.dtype)))
        return call.emit(operator(x, y))

    return convert


def _rounded_divide(call: Call) -> Any:
    x, y = _operands(call)
    mode = call.args[2]
    integers = "int" in call.dtype
    if mode == "floor" and integers:
        return call.emit(relax.op.floor_divide(x, y))
    quotient = call.emit(relax.op.divide(x, y))  # of integers: rounded towards zero
    if mode is None or (mode == "trunc" and integers):
        return quotient
    return call.emit((relax.op.floor if mode == "floor" else relax.op.trunc)(quotient))


def _floor_divide(call: Call) -> Any:
    x, y = _operands(call)
    if "int" in call.dtype:
        return call.emit(relax.op.floor_divide(x, y))
    return call.emit(relax.op.floor(call.emit(relax.op.divide(x, y))))


def _unary(operator: Callable[[Any], Any]) -> Converter:
    """A function of one number; of integers torch computes it in floating point."""

    def convert(call: Call) -> Any:
        return call.emit(operator(call.cast(call.args[0], call.dtype)))

    return convert


def _to_dtype(call: Call) -> Any:
    """A conversion; to integers it cuts off what is behind the point, as torch does."""
    x = call.args[0]
    return x if dtype_of(x) == call.dtype else call.emit(relax.op.astype(x, call.dtype))


def _where(call: Call) -> Any:
    condition, *sides = call.args
    x, y = (call.cast(side, call.dtype) for side in sides)
    return call.emit(relax.op.where(condition, x, y))


def _hypotenuse(call: Call) -> Any:
    x, y = _operands(call)
    squares = relax.op.add(relax.op.multiply(x, x), relax.op.multiply(y, y))
    return call.emit(relax.op.sqrt(squares))


def _reciprocal(call: Call) -> Any:
    x = call.cast(call.args[0], call.dtype)
    return call.emit(relax.op.divide(relax.const(1, call.dtype), x))


def _power_of_two(call: Call) -> Any:
    x = call.cast(call.args[0], call.dtype)
    return call.emit(relax.op.power(relax.const(2, call.dtype), x))


def _elu(call: Call) -> Any:
    """Evaluate scale · (x > 0 ? x : alpha · (e^(input scale · x) − 1)): ELU, CELU and SELU."""
    x, alpha, scale, input_scale = call.args
    dtype = call.dtype

    def times(y: Any, factor: float) -> Any:
        return y if factor == 1 else relax.op.multiply(y, relax.const(factor, dtype))

    one = relax.const(1, dtype)
    negative = relax.op.subtract(relax.op.exp(times(x, input_scale)), one)
    above = relax.op.greater(x, relax.const(0, dtype))
    return call.emit(relax.op.where(above, times(x, scale), times(negative, alpha * scale)))


_BINARY: dict[str, _Operator] = {
    "mul": relax.op.multiply,
    "div": relax.op.divide,
    "maximum": relax.op.maximum,
    "minimum": relax.op.minimum,
    "remainder": relax.op.floor_mod,
    "fmod": relax.op.mod,
    "eq": relax.op.equal,
    "ne": relax.op.not_equal,
    "lt": relax.op.less,
    "le": relax.op.less_equal,
    "gt": relax.op.greater,
    "ge": relax.op.greater_equal,
    "bitwise_and": relax.op.bitwise_and,
    "bitwise_or": relax.op.bitwise_or,
    "bitwise_xor": relax.op.bitwise_xor,
    "atan2": relax.op.atan2,
    "__lshift__": relax.op.left_shift,
    "__rshift__": relax.op.right_shift,
    "bitwise_left_shift": relax.op.left_shift,
    "bitwise_right_shift": relax.op.right_shift,
}

_UNARY: dict[str, Callable[[Any], Any]] = {
    "exp": relax.op.exp,
    "log": relax.op.log,
    "sqrt": relax.op.sqrt,
    "rsqrt": relax.op.rsqrt,
    "sigmoid": relax.op.sigmoid,
    "erf": relax.op.erf,
    "sin": relax.op.sin,
    "cos": relax.op.cos,
    "tan": relax.op.tan,
    "asin": relax.op.asin,
    "acos": relax.op.acos,
    "atan": relax.op.atan,
    "sinh": relax.op.sinh,
    "cosh": relax.op.cosh,
    "tanh": relax.op.tanh,
    "asinh": relax.op.asinh,
    "acosh": relax.op.acosh,
    "atanh": relax.op.atanh,
}

CONVERTERS: dict[str, Converter] = {
    **{
        f"{name}.{overload}": _binary(operator)
        for name, operator in _BINARY.items()
        for overload in (
            ("default",) if "imum" in name or name == "atan2" else ("Tensor", "Scalar")
        )
    },
    **{f"{name}.default": _unary(operator) for name, operator in _UNARY.items()},
    **{f"add.{overload}": _scaled(relax.op.add) for overload in ("Tensor", "Scalar")},
    **{f"sub.{overload}": _scaled(relax.op.subtract) for overload in ("Tensor", "Scalar")},
    "div.Tensor_mode": _rounded_divide,
    "div.Scalar_mode": _rounded_divide,
    "floor_divide.default": _floor_divide,
    "_to_copy.default": _to_dtype,
    "elu.default": _elu,
    "exp2.default": _power_of_two,
    "hypot.default": _hypotenuse,
    "reciprocal.default": _reciprocal,
    "where.self": _where,
}
