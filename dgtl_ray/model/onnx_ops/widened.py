"""Operators that TVM converts rightly, but not in every dtype: computed in another one."""

from typing import Any

from tvm import relax

from dgtl_ray.model.onnx_ops.native import natively
from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@converts("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "GridSample")
def of_half_precision(node: Node) -> Any:
    """In float32 where it is float16: TVM has no such functions of float16."""
    return _computed_in(node, "float32") if node.dtype() == "float16" else natively(node)


@converts("ReduceMean", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp")
def of_integers(node: Node) -> Any:
    """In float64 where it is an integer, and truncated, as ONNX Runtime does."""
    return natively(node) if "float" in node.dtype() else _computed_in(node, "float64")


@converts("ReduceMax", "ReduceMin")
def of_truth(node: Node) -> Any:
    """In int8 where it is bool: whether any, or all, are true."""
    return _computed_in(node, "int8") if node.dtype() == "bool" else natively(node)


def _computed_in(node: Node, dtype: str) -> Any:
    kind = node.dtype()
    inputs = [node.emit(x) if x is not None else None for x in node.inputs]
    wide = [
        node.emit(relax.op.astype(x, dtype)) if x is not None and node.dtype(k) == kind else x
        for k, x in enumerate(inputs)
    ]
    return relax.op.astype(node.emit(natively(node, wide)), kind)
