"""Products of integers, as ONNX Runtime's dynamic quantisation writes them."""

from typing import Any

from tvm import relax
from tvm.relax.frontend.onnx import onnx_frontend

from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@converts("ConvInteger")
def conv_integer(node: Node) -> Any:
    """A convolution in int32 of what is left when zero points are taken off; padding adds none."""
    data = _shifted(node, 0, 2, [1])
    # A zero point for each output channel, or one for all.
    weight = _shifted(node, 1, 3, [-1, *[1] * (len(node.shape(1)) - 1)])
    convert = onnx_frontend.Conv.get_converter(node.opset)
    return convert(
        node.builder, onnx_frontend.onnx_input([data, weight]), dict(node.attrs), [{}, {}]
    )


def _shifted(node: Node, k: int, zero_at: int, shape: list[int]) -> Any:
    """Input `k` less its zero point, as int32."""
    op = relax.op
    wide = node.emit(op.astype(node.inputs[k], "int32"))
    if not node.has(zero_at):
        return wide
    zero = node.emit(op.astype(node.inputs[zero_at], "int32"))
    return node.emit(op.subtract(wide, op.reshape(zero, shape)))
