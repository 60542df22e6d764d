"""Attention and rotary embedding of ONNX's own operators, out of products and a softmax."""

from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts

_LOWEST = float(np.finfo(np.float32).min)


def attend(node: Node, q: Any, k: Any, v: Any, *, scale: float, bias: Any, cap: float = 0.0) -> Any:
    """softmax(scale · q kᵀ + bias) v, for (B, heads, length, size) each.

    With a cap the scores are cap · tanh(scores / cap) before the bias is added.
    """
    op = relax.op
    turned = node.emit(op.permute_dims(k, [0, 1, 3, 2]))
    scaled = node.emit(op.multiply(q, node.const(scale)))
    scores = node.emit(op.matmul(scaled, turned))
    if cap:
        scores = op.multiply(op.tanh(op.divide(scores, node.const(cap))), node.const(cap))
        scores = node.emit(scores)
    if bias is not None:
        scores = node.emit(op.add(scores, bias))
    return node.emit(op.matmul(node.emit(op.nn.softmax(scores, 3)), v))


def split_heads(node: Node, x: Any, heads: int) -> Any:
    """(B, length, heads · size) as (B, heads, length, size)."""
    batch, length, hidden = node.shape_of(x)
    wide = node.emit(relax.op.reshape(x, (batch, length, heads, hidden // heads)))
    return node.emit(relax.op.permute_dims(wide, [0, 2, 1, 3]))


def join_heads(node: Node, x: Any) -> Any:
    """(B, heads, length, size) as (B, length, heads · size)."""
    batch, heads, length, size = node.shape_of(x)
    turned = node.emit(relax.op.permute_dims(x, [0, 2, 1, 3]))
    return node.emit(relax.op.reshape(turned, (batch, length, heads * size)))


def causal_bias(node: Node, queries: int, keys: int, before: int) -> Any:
    """Zero where a query may look, the lowest number at keys behind it; (1, 1, queries, keys)."""
    behind = np.arange(keys)[None] > np.arange(queries)[:, None] + before
    lowest = float(np.finfo(np.float16).min) if node.dtype() == "float16" else _LOWEST
    return node.const(np.where(behind, lowest, 0.0)[None, None])


def added(node: Node, x: Any, y: Any) -> Any:
    """The sum of both, where either may be None."""
    if x is None or y is None:
        return y if x is None else x
    return node.emit(relax.op.add(x, y))


@converts("Attention")
def attention(node: Node) -> Any:
    """ONNX's operator of opset 23: grouped heads, masks, past keys and values."""
    if node.has(6) or node.outputs > 3:
        what = "nonpad_kv_seqlen" if node.has(6) else "qk_matmul_output"
        raise node.refuse(f"{what} is not supported")
    flat = len(node.shape()) == 3
    q, k, v = (_headed(node, i) for i in range(3))
    for name in ("window_size", "left_window_size", "right_window_size"):
        if node.attr(name, -1) not in (-1, [-1, -1]):
            raise node.refuse(f"{name} is not supported")
    before = node.shape(4)[2] if node.has(4) else 0
    if before:
        k = node.emit(relax.op.concat([node.inputs[4], k], axis=2))
        v = node.emit(relax.op.concat([node.inputs[5], v], axis=2))
    present = [k, v]
    q_heads, size = node.shape_of(q)[1], node.shape_of(q)[3]
    k, v = (_repeated(node, x, q_heads) for x in (k, v))
    scale = node.attr("scale", None) or size**-0.5
    bias = _mask(node, 3)
    if node.attr("is_causal", 0):
        lengths = node.shape_of(q)[2], node.shape_of(k)[2]
        bias = added(node, bias, causal_bias(node, *lengths, before))
    result = attend(node, q, k, v, scale=scale, bias=bias, cap=node.attr("softcap", 0.0))
    result = join_heads(node, result) if flat else result
    return result if node.outputs == 1 else relax.Tuple([result, *present][: node.outputs])


def _headed(node: Node, i: int) -> Any:
    x = node.emit(node.inputs[i])
    if len(node.shape_of(x)) == 4:
        return x
    return split_heads(node, x, node.attr("q_num_heads" if i == 0 else "kv_num_heads", 1))


def _repeated(node: Node, x: Any, heads: int) -> Any:
    """Each head of keys or values for as many of the queries as share it."""
    times = heads // node.shape_of(x)[1]
    return x if times == 1 else node.emit(relax.op.repeat(x, times, axis=1))


def _mask(node: Node, i: int) -> Any:
    """A mask as what is added to the scores: true is 0, false the lowest number."""
    if not node.has(i):
        return None
    mask = node.emit(node.inputs[i])
    if node.dtype(i) != "bool":
        return mask
    lowest = float(np.finfo(np.float16).min) if node.dtype() == "float16" else _LOWEST
    return node.emit(relax.op.where(mask, node.const(0), node.const(lowest)))


@converts("RotaryEmbedding", "com.microsoft.RotaryEmbedding")
def rotary_embedding(node: Node) -> Any:
    """Pairs of each head's values turned by an angle for each position (Su et al., 2021)."""
    microsoft = node.operator.startswith("com.")
    if node.attr("is_packed_batching", 0):
        raise node.refuse("is_packed_batching=1 is not supported")
    cos_at, sin_at, ids_at = (2, 3, 1) if microsoft else (1, 2, 3)
    x, shape = node.emit(node.inputs[0]), node.shape()
    rotated = node.attr("rotary_embedding_dim", 0)
    half = node.shape(cos_at)[-1]
    if len(shape) == 3:
        heads = node.attr("num_heads", 0) or shape[2] // (rotated or 2 * half)
        x = split_heads(node, x, heads)
    ids = node.optional(ids_at)
    cos, sin = (_angles(node, node.emit(node.inputs[i]), ids) for i in (cos_at, sin_at))
    result = _rotate(node, x, cos, sin, rotated or node.shape_of(x)[3])
    return join_heads(node, result) if len(shape) == 3 else result


def _angles(node: Node, cache: Any, ids: Any) -> Any:
    """Cosines or sines of every position, (B or 1, 1, length, half)."""
    if ids is None:
        return node.emit(relax.op.expand_dims(cache, 1))
    length = node.shape()[-2]
    if node.shape_of(ids) == (1,):  # where the first position is
        count = np.arange(length)[None]
        ids = node.emit(relax.op.add(node.const(count, "int64"), relax.op.astype(ids, "int64")))
    chosen = node.emit(relax.op.take(cache, ids, axis=0))
    return node.emit(relax.op.expand_dims(chosen, 1))


def _rotate(node: Node, x: Any, cos: Any, sin: Any, width: int) -> Any:
    op, shape = relax.op, node.shape_of(x)
    turned, rest = x, None
    if width != shape[3]:
        parts = node.emit(op.split(x, [width], axis=3))
        turned, rest = node.emit(parts[0]), node.emit(parts[1])
    interleaved = bool(node.attr("interleaved", 0))
    if interleaved:
        pairs = node.emit(op.reshape(turned, (*shape[:3], width // 2, 2)))
        halves = node.emit(op.split(pairs, 2, axis=4))
        a, b = (node.emit(op.squeeze(node.emit(halves[k]), [4])) for k in range(2))
    else:
        halves = node.emit(op.split(turned, 2, axis=3))
        a, b = node.emit(halves[0]), node.emit(halves[1])
    real = node.emit(op.subtract(op.multiply(a, cos), op.multiply(b, sin)))
    other = node.emit(op.add(op.multiply(a, sin), op.multiply(b, cos)))
    if interleaved:
        result = node.emit(op.reshape(node.stack([real, other], 4), (*shape[:3], width)))
    else:
        result = node.emit(op.concat([real, other], axis=3))
    return result if rest is None else node.emit(op.concat([result, rest], axis=3))
