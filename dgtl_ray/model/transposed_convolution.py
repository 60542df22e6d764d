"""Transposed convolutions with channels innermost, lowered without products with zeros.

With stride s, output row y takes kernel rows r with r ≡ y + p (mod s), p the padding before it: at
most ⌈k / s⌉ of them, each from one input row. So the output is a sum over those only, in which a
kernel padded with zeros to a multiple of s is read at row (y + p) mod s + s a, and the input at row
⌊(y + p) / s⌋ - a.
"""

from typing import Any

import numpy as np
from tvm import relax, te, tirx

from dgtl_ray.model.folding import constant_value, static_shape


def is_lowered(attrs: Any) -> bool:
    """Whether `lower` knows such transposed convolutions, once they are NHWC."""
    dense = all(int(each) == 1 for each in (attrs.groups, *attrs.dilation))
    return dense and str(attrs.kernel_layout) == "IOHW"


def lower(builder: Any, call: Any) -> Any:
    """A call of `conv2d_transpose`, NHWC with constant IOHW weights, as a loop nest.

    Raises:
        ValueError: The weights are no constant.
    """
    attrs = call.attrs
    kernel = constant_value(call.args[1])
    if kernel is None:
        raise ValueError("a transposed convolution with channels innermost needs constant weights")
    strides = int(attrs.strides[0]), int(attrs.strides[1])
    top, left = int(attrs.padding[0]), int(attrs.padding[1])
    prepared = relax.const(_prepared(kernel, strides), call.ty.dtype)
    return builder.call_te(
        _compute,
        call.args[0],
        prepared,
        static_shape(call.ty),
        strides,
        (top, left),
        primfunc_name_hint="conv2d_transpose",
    )


def _prepared(kernel: Any, strides: tuple[int, int]) -> Any:
    """IOHW weights as HWIO, with zeros up to multiples of the strides."""
    missing = [(-extent) % stride for extent, stride in zip(kernel.shape[2:], strides, strict=True)]
    padded = np.pad(kernel, [(0, 0), (0, 0), (0, missing[0]), (0, missing[1])])
    return np.ascontiguousarray(padded.transpose(2, 3, 0, 1))


def _compute(
    data: Any,
    kernel: Any,
    shape: tuple[int, ...],
    strides: tuple[int, int],
    padding: tuple[int, int],
) -> Any:
    """The sum over kernel rows and columns that meet an output, and input channels."""
    _, height, width, channels = (int(dim) for dim in data.shape)
    taps = [int(kernel.shape[at]) // strides[at] for at in range(2)]
    rows = te.reduce_axis((0, taps[0]), "tap_row")
    columns = te.reduce_axis((0, taps[1]), "tap_column")
    channel = te.reduce_axis((0, channels), "channel")
    last = [(shape[1 + at] - 1 + padding[at]) // strides[at] for at in range(2)]
    before = [tap - 1 for tap in taps]
    padded = _zero_padded(data, before, (max(last[0], height - 1), max(last[1], width - 1)))

    def element(n: Any, y: Any, x: Any, out: Any) -> Any:
        row, column = y + padding[0], x + padding[1]
        value = padded(
            n,
            tirx.floordiv(row, strides[0]) + before[0] - rows,
            tirx.floordiv(column, strides[1]) + before[1] - columns,
            channel,
        )
        weight = kernel[
            tirx.floormod(row, strides[0]) + rows * strides[0],
            tirx.floormod(column, strides[1]) + columns * strides[1],
            channel,
            out,
        ]
        return te.sum(value * weight, axis=[rows, columns, channel])

    return te.compute(shape, element, name="conv2d_transpose_nhwc")


def _zero_padded(data: Any, before: list[int], last: tuple[int, int]) -> Any:
    """The input with `before` zeros in front and as many behind as reach index `last`."""
    batch, height, width, channels = (int(dim) for dim in data.shape)
    if before == [0, 0] and last == (height - 1, width - 1):
        return data

    def element(n: Any, y: Any, x: Any, c: Any) -> Any:
        inside = tirx.all(
            y >= before[0], y < height + before[0], x >= before[1], x < width + before[1]
        )
        zero = tirx.const(0.0, data.dtype)
        return tirx.if_then_else(inside, data[n, y - before[0], x - before[1], c], zero)

    extents = (batch, last[0] + 1 + before[0], last[1] + 1 + before[1], channels)
    return te.compute(extents, element, name="pad_temp")
