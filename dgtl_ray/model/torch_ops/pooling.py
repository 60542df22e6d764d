"""Pooling to a given size, and what TVM's pooling does not know: divisors, places of maxima."""

import math
from typing import Any

import torch
from tvm import relax

from dgtl_ray.core.errors import InputError
from dgtl_ray.model.torch_ops.call import Call, Converter, constant, dtype_of, per_axis, shape_of
from dgtl_ray.model.torch_ops.resampling import separably

_ADAPTIVE = (
    relax.op.nn.adaptive_avg_pool1d,
    relax.op.nn.adaptive_avg_pool2d,
    relax.op.nn.adaptive_avg_pool3d,
)
_AVERAGE = (relax.op.nn.avg_pool1d, relax.op.nn.avg_pool2d, relax.op.nn.avg_pool3d)


def _adaptive_average(call: Call) -> Any:
    """To sizes that divide by TVM's own operator, to others axis by axis."""
    x, size = call.args
    rank, axes = len(shape_of(x)), len(size)
    if rank != axes + 2:
        raise InputError("adaptive pooling without a batch axis")
    if all(extent % out == 0 for extent, out in zip(shape_of(x)[2:], size, strict=True)):
        return call.emit(_ADAPTIVE[axes - 1](x, list(size)))

    def along(units: torch.Tensor, axis: int) -> torch.Tensor:
        averaged: torch.Tensor = call.node.target(  # type: ignore[operator]
            units, [1] * (axes - 1) + [size[axis]]
        )
        return averaged

    return separably(call, x, along)


def _adaptive_maximum(call: Call) -> Any:
    """The largest of each window, axis by axis; window k of n outputs begins at ⌊k·extent / n⌋."""
    x, size = call.args
    _refuse_places(call)
    for axis, out in enumerate(size, start=len(shape_of(x)) - len(size)):
        x = _largest_along(call, x, axis, out)
    return (x, None)


def _largest_along(call: Call, x: Any, axis: int, out: int) -> Any:
    extent = shape_of(x)[axis]
    windows = [range(k * extent // out, -(-(k + 1) * extent // out)) for k in range(out)]
    longest = max(map(len, windows))
    if out == 1:
        return call.emit(relax.op.max(x, axis, keepdims=True))
    result = None
    for step in range(longest):
        places = [window[min(step, len(window) - 1)] for window in windows]
        picked = call.emit(relax.op.take(x, constant(places, "int64"), axis=axis))
        result = picked if result is None else call.emit(relax.op.maximum(result, picked))
    return result


def _refuse_places(call: Call) -> None:
    for user in call.node.users:
        if len(user.args) > 1 and user.args[1] == 1 and user.users:
            raise InputError("the places of maxima (return_indices) are not supported")


def _average(call: Call) -> Any:
    """Average pooling with a divisor of its own: sums over windows, divided by it."""
    x, kernel, stride, padding, _, _, divisor = call.args
    if divisor is None:
        return NotImplemented
    axes = len(kernel) if len(kernel) > 1 else len(shape_of(x)) - 2
    kernel, padding = per_axis(kernel, axes), per_axis(padding, axes)
    stride = per_axis(stride, axes) if stride else kernel
    if len(shape_of(x)) != axes + 2:
        raise InputError("pooling without a batch axis")
    ends = [
        (out - 1) * step + width - before - extent
        for out, step, width, before, extent in zip(
            call.result.shape[2:], stride, kernel, padding, shape_of(x)[2:], strict=True
        )
    ]
    widths = [0, 0, 0, 0]
    for before, end in zip(padding, ends, strict=True):
        widths += [before, max(end, 0)]
    padded = call.emit(relax.op.nn.pad(x, widths, pad_value=0.0))
    means = call.emit(_AVERAGE[axes - 1](padded, kernel, stride))
    factor = relax.const(math.prod(kernel) / divisor, dtype_of(x))
    return call.emit(relax.op.multiply(means, factor))


def _maximum_with_places(call: Call) -> Any:
    """TVM's own maximum; the places that torch returns beside it have no use here."""
    _refuse_places(call)
    return NotImplemented


CONVERTERS: dict[str, Converter] = {
    **{f"_adaptive_avg_pool{n}d.default": _adaptive_average for n in (2, 3)},
    **{f"adaptive_avg_pool{n}d.default": _adaptive_average for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d.default": _adaptive_maximum for n in (1, 2, 3)},
    **{f"avg_pool{n}d.default": _average for n in (2, 3)},
    **{f"max_pool{n}d_with_indices.default": _maximum_with_places for n in (2, 3)},
}
