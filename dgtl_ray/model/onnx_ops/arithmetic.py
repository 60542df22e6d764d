"""Element-wise operators."""

from typing import Any

from tvm import relax

from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts


@converts("Selu")
def selu(node: Node) -> Any:
    """γ (α eˣ − α) below 0, γ x above; TVM's forgets γ for positive values."""
    alpha = node.attr("alpha", 1.67326319217681884765625)
    gamma = node.attr("gamma", 1.05070102214813232421875)
    x, op = node.inputs[0], relax.op
    below = op.multiply(node.const(alpha), op.subtract(op.exp(x), node.const(1)))
    return op.multiply(node.const(gamma), op.where(op.greater(x, node.const(0)), x, below))


@converts("Dropout")
def dropout(node: Node) -> Any:
    """Nothing is dropped when a network is used; the mask, where it is asked for, is all true."""
    x = node.emit(node.inputs[0])
    training = node.constant(2, "training modes")
    if training is not None and bool(training):
        raise node.refuse("training_mode=1 is not supported: its answers change from run to run")
    if node.outputs == 1:
        return x
    kind = "bool" if node.opset >= 10 else node.dtype()
    return relax.Tuple([x, relax.op.ones(node.shape(), kind)])
