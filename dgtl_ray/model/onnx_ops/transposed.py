"""Transposed convolutions of a wanted size."""

from typing import Any

from tvm import relax
from tvm.relax.frontend.onnx import onnx_frontend

from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@converts("ConvTranspose")
def conv_transpose(node: Node) -> Any:
    """TVM's, with the padding that `output_shape` and `auto_pad` ask for written out.

    What is wanted beyond the last input's reach is zero, as no input meets it.
    """
    rank = len(node.shape()) - 2
    attrs = {k: v for k, v in node.attrs.items() if k not in ("auto_pad", "output_shape")}
    wanted = _wanted(node, rank)
    beyond = [0] * rank
    if wanted is not None:
        # One more or less than what the strides give is not told twice.
        attrs["output_padding"] = [0] * rank
        heads, tails = [], []
        for axis, size in enumerate(wanted):
            reach, extra = _reach(node, axis), node.attr("output_padding", [0] * rank)[axis]
            needed = max(reach + extra - size, 0)
            small, large = needed // 2, needed - needed // 2
            upper = node.attr("auto_pad", "NOTSET") == "SAME_UPPER"
            heads.append(small if upper else large)
            behind = reach - heads[axis] - size
            tails.append(max(behind, 0))
            beyond[axis] = max(-behind, 0)
        attrs["pads"] = heads + tails
    return _convolved(node, attrs, beyond, rank)


def _convolved(node: Node, attrs: dict[str, Any], beyond: list[int], rank: int) -> Any:
    inputs = onnx_frontend.onnx_input(node.inputs[:2])
    convert = onnx_frontend.ConvTranspose.get_converter(node.opset)
    result = node.emit(convert(node.builder, inputs, attrs, [{}, {}]))
    if any(beyond):
        width = [0, 0, 0, 0] + [size for more in beyond for size in (0, more)]
        result = node.emit(relax.op.nn.pad(result, width))
    if node.has(2):
        bias = relax.op.reshape(node.inputs[2], [1, -1] + [1] * rank)
        result = relax.op.add(result, bias)
    return result


def _wanted(node: Node, rank: int) -> list[int] | None:
    """The spatial sizes of the result, where the node says them."""
    shape = node.attr("output_shape", None)
    if shape:
        return [int(size) for size in shape[-rank:]]
    if node.attr("auto_pad", "NOTSET") not in ("SAME_UPPER", "SAME_LOWER"):
        return None
    strides = node.attr("strides", [1] * rank)
    return [size * stride for size, stride in zip(node.shape()[2:], strides, strict=True)]


def _reach(node: Node, axis: int) -> int:
    """How many outputs the inputs of an axis meet, without padding."""
    rank = len(node.shape()) - 2
    stride = node.attr("strides", [1] * rank)[axis]
    dilation = node.attr("dilations", [1] * rank)[axis]
    kernel = node.shape(1)[2 + axis]
    return int(stride * (node.shape()[2 + axis] - 1) + (kernel - 1) * dilation + 1)
