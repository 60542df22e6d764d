"""Normalisations whose scale has fewer dimensions, or whose statistics are outputs, too."""

from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.onnx_ops.native import natively
from dgtl_ray.model.onnx_ops.node import Node, constant_value
from dgtl_ray.model.onnx_ops.table import converts

# From this opset on a GroupNormalization scales each channel by its own number, not each group.
_GROUPS_BY_CHANNEL = 21


@converts("LayerNormalization", "com.microsoft.LayerNormalization")
def layer_normalization(node: Node) -> Any:
    """(x − mean) / √(variance + ε) · scale + bias over the last axes; in float32 at least."""
    x, axes, shape = _prepared(node)
    scale = _spread(node, node.inputs[1], shape)
    bias = _spread(node, node.inputs[2] if node.has(2) else node.const(0, "float32"), shape)
    epsilon = node.attr("epsilon", 1e-5)
    result = relax.op.nn.layer_norm(x, scale, bias, axes=axes, epsilon=epsilon)
    return with_statistics(node, relax.op.astype(result, node.dtype()), x, axes, epsilon)


@converts(
    "RMSNormalization",
    "SimplifiedLayerNormalization",
    "com.microsoft.SimplifiedLayerNormalization",
)
def rms_normalization(node: Node) -> Any:
    """Divide by √(mean(x²) + ε) over the last axes, in float32 at least, and scale."""
    x, axes, shape = _prepared(node)
    scaled, inverse = root_mean_square(node, x, axes, node.attr("epsilon", 1e-5))
    scale = _spread(node, node.inputs[1], shape)
    result = relax.op.astype(relax.op.multiply(scaled, scale), node.dtype())
    return node.emit(result) if node.outputs == 1 else relax.Tuple([result, inverse])


@converts("BatchNormalization")
def batch_normalization(node: Node) -> Any:
    """TVM's, but for training."""
    if node.attr("training_mode", 0) or node.outputs > 1:
        raise node.refuse("training_mode=1 is not supported: export the network in eval mode")
    result = natively(node)
    return result[0] if isinstance(result, relax.Tuple) else result


@converts("GroupNormalization")
def group_normalization(node: Node) -> Any:
    """Each group of channels normalised, in float32 at least, and each channel scaled."""
    x, scale, bias = (node.emit(relax.op.astype(part, "float32")) for part in node.inputs)
    axes = list(range(2, len(node.shape())))
    groups, epsilon = node.attr("num_groups", 1), node.attr("epsilon", 1e-5)
    if node.opset < _GROUPS_BY_CHANNEL:
        scale, bias = (_of_channels(node, part) for part in (scale, bias))
    result = relax.op.nn.group_norm(x, scale, bias, groups, 1, axes, epsilon)
    return relax.op.astype(node.emit(result), node.dtype())


@converts("MeanVarianceNormalization")
def mean_variance_normalization(node: Node) -> Any:
    """Subtract the mean and divide by the deviation, over axes that are named."""
    op, axes = relax.op, node.attr("axes", [0, 2, 3])
    x = node.emit(op.astype(node.inputs[0], "float32"))
    off = node.emit(op.subtract(x, op.mean(x, axes, keepdims=True)))
    deviation = op.sqrt(op.mean(op.multiply(off, off), axes, keepdims=True))
    result = op.divide(off, op.add(deviation, node.const(1e-9, "float32")))
    return op.astype(node.emit(result), node.dtype())


@converts("LRN")
def local_response_normalization(node: Node) -> Any:
    """Divide by (bias + α / size · Σ x² over neighbouring channels)^β."""
    op, size, shape = relax.op, node.attr("size", 1), node.shape()
    x = node.emit(node.inputs[0])
    before, after = (size - 1) // 2, size // 2
    width = [0, 0, before, after, *[0, 0] * (len(shape) - 2)]
    square = node.emit(op.nn.pad(node.emit(op.multiply(x, x)), width))
    total = None
    for k in range(size):
        part = op.strided_slice(square, axes=[1], begin=[k], end=[k + shape[1]])
        total = part if total is None else node.emit(op.add(total, part))
    scaled = op.multiply(total, node.const(node.attr("alpha", 1e-4) / size))
    base = node.emit(op.add(scaled, node.const(node.attr("bias", 1.0))))
    return op.divide(x, op.power(base, node.const(node.attr("beta", 0.75))))


@converts("LpNormalization")
def lp_normalization(node: Node) -> Any:
    """Divide by ‖x‖ₚ along one axis; where the norm is 0, so is the result."""
    x, op = node.emit(node.inputs[0]), relax.op
    axis = node.attr("axis", -1)
    if node.attr("p", 2) == 1:
        norm = op.sum(op.abs(x), axis, keepdims=True)
    else:
        norm = op.sqrt(op.sum(op.multiply(x, x), axis, keepdims=True))
    zero = op.equal(norm, node.const(0))
    return op.divide(x, op.where(zero, node.const(1), norm))


def root_mean_square(node: Node, x: Any, axes: list[int], epsilon: float) -> tuple[Any, Any]:
    """The quotient of x and its root mean square, and the inverse of that."""
    op = relax.op
    square = op.mean(op.multiply(x, x), axes, keepdims=True)
    inverse = node.emit(op.rsqrt(op.add(square, node.const(epsilon, "float32"))))
    return node.emit(op.multiply(x, inverse)), inverse


def with_statistics(node: Node, result: Any, x: Any, axes: list[int], epsilon: float) -> Any:
    """The result, and as many of mean and inverse deviation as the node has outputs for."""
    if node.outputs == 1:
        return node.emit(result)
    op = relax.op
    mean = node.emit(op.mean(x, axes, keepdims=True))
    off = op.subtract(x, mean)
    variance = op.mean(op.multiply(off, off), axes, keepdims=True)
    inverse = op.rsqrt(op.add(variance, node.const(epsilon, "float32")))
    return relax.Tuple([node.emit(result), mean, node.emit(inverse)][: node.outputs])


def _prepared(node: Node) -> tuple[Any, list[int], tuple[int, ...]]:
    """The input as float32, the axes that are normalised, and their extents."""
    shape = node.shape()
    first = node.attr("axis", -1) % len(shape)
    x = node.emit(relax.op.astype(node.inputs[0], "float32"))
    return x, list(range(first, len(shape))), shape[first:]


def _of_channels(node: Node, part: Any) -> Any:
    """One number a channel, of one for each group of them."""
    channels = node.shape()[1]
    (groups,) = node.shape_of(part)
    column = node.emit(relax.op.reshape(part, (groups, 1)))
    wide = node.emit(relax.op.broadcast_to(column, (groups, channels // groups)))
    return node.emit(relax.op.reshape(wide, (channels,)))


def _spread(node: Node, expr: Any, shape: tuple[int, ...]) -> Any:
    """A scale or bias as float32 of that shape; its own may be a part of it from behind."""
    value = constant_value(expr, node.builder)
    if value is not None:
        return node.const(np.broadcast_to(value, shape), "float32")
    wide = node.emit(relax.op.astype(expr, "float32"))
    return wide if node.shape_of(wide) == shape else node.emit(relax.op.broadcast_to(wide, shape))
