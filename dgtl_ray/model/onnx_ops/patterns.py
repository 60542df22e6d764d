"""Tensors made of few numbers or of copies."""

from typing import Any

import numpy as np
from onnx.helper import tensor_dtype_to_np_dtype
from tvm import relax

from dgtl_ray.model.copying import copies
from dgtl_ray.model.onnx_ops.native import natively
from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@converts("Tile")
def tile(node: Node) -> Any:
    """Copies side by side."""
    repeats = node.constant(1, "repeats")
    if repeats is None or repeats.min(initial=1) < 1:
        return natively(node)
    return copies(node.emit(node.inputs[0]), repeats.tolist(), node.emit)


@converts("OneHot")
def one_hot(node: Node) -> Any:
    """Where a place is that an index names, one value; else another. No place is named beyond."""
    depth, values = node.constant(1, "depth"), node.optional(2)
    if depth is None:
        raise node.refuse("it has no depth")
    op, count, rank = relax.op, int(depth.reshape(-1)[0]), len(node.shape())
    axis = node.attr("axis", -1) % (rank + 1)
    indices = node.emit(op.astype(node.inputs[0], "int64"))
    counted = op.add(indices, node.const(count, "int64"))
    indices = node.emit(op.where(op.less(indices, node.const(0, "int64")), counted, indices))
    places = np.arange(count).reshape([-1] + [1] * (rank - axis))
    wide = node.emit(op.expand_dims(indices, axis))
    found = node.emit(op.equal(wide, node.const(places, "int64")))
    parts = node.emit(op.split(values, 2, axis=0))
    off, on = (node.emit(op.reshape(node.emit(parts[k]), ())) for k in range(2))
    return op.where(found, on, off)


@converts("EyeLike")
def eye_like(node: Node) -> Any:
    """Ones on a diagonal, in a dtype of their own where one is named."""
    kind = node.attr("dtype", 0)
    dtype = str(tensor_dtype_to_np_dtype(kind)) if kind else node.dtype()
    rows, columns = node.shape()
    return node.const(np.eye(rows, columns, node.attr("k", 0)), dtype)


@converts("SpaceToDepth")
def space_to_depth(node: Node) -> Any:
    """TVM's, which knows one order of channels only."""
    if node.attr("mode", "DCR") != "DCR":
        raise node.refuse(f"mode={node.attr('mode', 'DCR')} is not supported")
    return natively(node)
