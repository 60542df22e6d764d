"""Reductions: over one axis, several or all of them."""

from collections.abc import Callable, Sequence
from typing import Any

from tvm import relax

from dgtl_ray.model.torch_ops.call import Call, Converter, axis_of, dtype_of, shape_of


def axes_of(dim: Any, rank: int) -> list[int]:
    """The axes that a reduction goes over; all where none are given."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(rank))
    dims = dim if isinstance(dim, Sequence) else [dim]
    return sorted(axis_of(d, rank) for d in dims)


def _extreme(operator: Callable[..., Any]) -> Converter:
    def convert(call: Call) -> Any:
        x, dim, keep = call.args
        return _reduced(call, operator, x, axes_of(dim, len(shape_of(x))), keep)

    return convert


def _reduced(call: Call, operator: Callable[..., Any], x: Any, axes: list[int], keep: bool) -> Any:
    """A reduction; of truth values, for which TVM has none, by way of small integers."""
    if not shape_of(x):
        return x
    dtype = dtype_of(x)
    numbers = call.cast(x, "int8") if dtype == "bool" else x
    return call.cast(call.emit(operator(numbers, axes, keep)), dtype)


def _logical(operator: Callable[..., Any]) -> Converter:
    """Any, all: the largest and the smallest of truth values."""

    def convert(call: Call) -> Any:
        x, dim, keep = (*call.args, None, False)[:3]
        truth = _truth(call, x)
        return _reduced(call, operator, truth, axes_of(dim, len(shape_of(x))), keep)

    return convert


def _truth(call: Call, x: Any) -> Any:
    dtype = dtype_of(x)
    return x if dtype == "bool" else call.emit(relax.op.not_equal(x, relax.const(0, dtype)))


def _with_place(value: Callable[..., Any], place: Callable[..., Any]) -> Converter:
    """The largest (smallest) along an axis, and where it is."""

    def convert(call: Call) -> Any:
        x, dim, keep = call.args
        axis = axis_of(dim, len(shape_of(x)))
        values = _reduced(call, value, x, [axis], keep)
        numbers = call.cast(x, "int8") if dtype_of(x) == "bool" else x
        return call.emit(relax.Tuple([values, call.emit(place(numbers, axis, keep))]))

    return convert


def _product_of_all(call: Call) -> Any:
    return call.emit(relax.op.prod(call.cast(call.args[0], call.dtype)))


def _product_along(call: Call) -> Any:
    x, dim, keep, _ = call.args
    axis = axis_of(dim, len(shape_of(x)))
    return call.emit(relax.op.prod(call.cast(x, call.dtype), [axis], keep))


def moments(call: Call, x: Any, axes: list[int], correction: float, keep: bool) -> tuple[Any, Any]:
    """Variance and mean, in two passes: what one pass loses in float32 is lost for good."""
    count = 1
    for axis in axes:
        count *= shape_of(x)[axis]
    mean = call.emit(relax.op.mean(x, axes, keepdims=True))
    centred = call.emit(relax.op.subtract(x, mean))
    squares = call.emit(relax.op.multiply(centred, centred))
    total = call.emit(relax.op.sum(squares, axes, keepdims=keep))
    divisor = max(count - correction, 0.0)
    factor = 1.0 / divisor if divisor else float("nan")
    variance = call.emit(relax.op.multiply(total, relax.const(factor, dtype_of(x))))
    if not keep:
        mean = call.emit(relax.op.squeeze(mean, axes))
    return variance, mean


def _variance(call: Call) -> tuple[Any, Any]:
    x, dim, correction, keep = call.args
    axes = axes_of(dim, len(shape_of(x)))
    x = call.cast(x, "float32") if dtype_of(x) in {"float16", "bfloat16"} else x
    return moments(call, x, axes, 1 if correction is None else correction, keep)


def _var(call: Call) -> Any:
    return _variance(call)[0]


def _std(call: Call) -> Any:
    return call.emit(relax.op.sqrt(_variance(call)[0]))


def _var_mean(call: Call) -> Any:
    return call.emit(relax.Tuple(_variance(call)))


CONVERTERS: dict[str, Converter] = {
    "amax.default": _extreme(relax.op.max),
    "amin.default": _extreme(relax.op.min),
    **{f"any.{overload}": _logical(relax.op.max) for overload in ("default", "dim", "dims")},
    **{f"all.{overload}": _logical(relax.op.min) for overload in ("default", "dim", "dims")},
    "max.dim": _with_place(relax.op.max, relax.op.argmax),
    "min.dim": _with_place(relax.op.min, relax.op.argmin),
    "prod.default": _product_of_all,
    "prod.dim_int": _product_along,
    "var.correction": _var,
    "std.correction": _std,
    "var_mean.correction": _var_mean,
}
