"""Attention as ONNX Runtime's transformer optimiser writes it."""

from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.onnx_ops.attention import (
    added,
    attend,
    causal_bias,
    join_heads,
    split_heads,
)
from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@converts("com.microsoft.Attention")
def attention(node: Node) -> Any:
    """One product with the weights of queries, keys and values, then attention over heads."""
    _refuse(node, {4: "past states", 6: "past states"}, ("do_rotary", "past_present_share_buffer"))
    heads = node.attr("num_heads", 1)
    total = node.shape(1)[1]
    q_size, k_size, _ = node.attr("qkv_hidden_sizes", None) or [total // 3] * 3
    x = relax.op.matmul(node.inputs[0], node.inputs[1])
    x = node.emit(relax.op.add(x, node.inputs[2]) if node.has(2) else x)
    parts = node.emit(relax.op.split(x, [q_size, q_size + k_size], axis=2))
    q, k, v = (split_heads(node, node.emit(parts[i]), heads) for i in range(3))
    length = node.shape()[1]
    bias = added(node, node.optional(5), _padding(node, 3, length))
    if node.attr("unidirectional", 0):
        bias = added(node, bias, causal_bias(node, length, length, 0))
    scale = node.attr("scale", 0.0) or (q_size // heads) ** -0.5
    return _outputs(node, attend(node, q, k, v, scale=scale, bias=bias))


@converts("com.microsoft.MultiHeadAttention")
def multi_head_attention(node: Node) -> Any:
    """Attention over heads, for queries, keys and values that are there already."""
    _refuse(node, {6: "past states", 7: "past states", 8: "past states"}, ())
    if len(node.shape()) != 3 or not (node.has(1) and node.has(2)):
        raise node.refuse("packed queries, keys and values are not supported")
    heads = node.attr("num_heads", 1)
    q, k, v = _biased(node)
    size = node.shape()[2] // heads
    q, k, v = (x if len(node.shape_of(x)) == 4 else split_heads(node, x, heads) for x in (q, k, v))
    lengths = node.shape_of(q)[2], node.shape_of(k)[2]
    bias = added(node, node.optional(5), _padding(node, 4, lengths[1]))
    if node.attr("unidirectional", 0):
        bias = added(node, bias, causal_bias(node, *lengths, 0))
    scale = node.attr("scale", 0.0) or size**-0.5
    return _outputs(node, attend(node, q, k, v, scale=scale, bias=bias))


def _biased(node: Node) -> list[Any]:
    """Queries, keys and values with their parts of the bias added."""
    inputs = [node.emit(node.inputs[i]) for i in range(3)]
    bias = node.constant(3, "biases")
    if bias is None:
        return inputs
    width = node.shape()[2]
    parts = np.split(bias, [width, 2 * width])
    if any(len(node.shape_of(x)) != 3 for x in inputs):
        raise node.refuse("a bias of keys that are split into heads is not supported")
    return [added(node, x, node.const(part)) for x, part in zip(inputs, parts, strict=True)]


def _padding(node: Node, i: int, keys: int) -> Any:
    """A mask of keys as what is added to the scores; lengths, or ones at what may be seen."""
    if not node.has(i):
        return None
    shape, op = node.shape(i), relax.op
    batch = node.shape()[0]
    mask = node.emit(op.astype(node.inputs[i], "int32"))
    if shape == (batch,):
        position = node.const(np.arange(keys)[None], "int32")
        seen = op.less(position, op.reshape(mask, (batch, 1)))
        seen = op.reshape(node.emit(seen), (batch, 1, 1, keys))
    elif len(shape) in (2, 3) and shape[-1] == keys:
        wide = (batch, 1, 1, keys) if len(shape) == 2 else (batch, 1, *shape[1:])
        seen = op.reshape(op.greater(mask, node.const(0, "int32")), wide)
    else:
        raise node.refuse(f"a mask of shape {shape} is not supported")
    hidden = node.const(node.attr("mask_filter_value", -10000.0))
    return node.emit(op.where(node.emit(seen), node.const(0), hidden))


def _outputs(node: Node, result: Any) -> Any:
    if node.outputs > 1:
        raise node.refuse("present keys and values as outputs are not supported")
    return join_heads(node, result)


def _refuse(node: Node, inputs: dict[int, str], attributes: tuple[str, ...]) -> None:
    for i, what in inputs.items():
        if node.has(i):
            raise node.refuse(f"{what} are not supported")
    for name in attributes:
        if node.attr(name, 0):
            raise node.refuse(f"{name}={node.attr(name, 0)} is not supported")
