"""Element-wise operators."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import tvm
from tvm import relax

from dgtl_ray.model.onnx_ops.activations import activation
from dgtl_ray.model.onnx_ops.native import natively
from dgtl_ray.model.onnx_ops.node import Node, constant_value
from dgtl_ray.model.onnx_ops.table import converts

_PAIRWISE: dict[str, Callable[[Any, Any], Any]] = {
    "Sum": relax.op.add,
    "Mean": relax.op.add,
    "Min": relax.op.minimum,
    "Max": relax.op.maximum,
}


@converts("Sum", "Mean", "Min", "Max")
def of_many(node: Node) -> Any:
    """Two at a time, where TVM's would write all of them side by side and then reduce."""
    total = reduce(lambda a, b: node.emit(_PAIRWISE[node.operator](a, b)), node.inputs)
    if node.operator == "Mean":
        return relax.op.multiply(total, node.const(1 / len(node.inputs)))
    return total


@converts("Pow")
def power(node: Node) -> Any:
    """In the base's dtype, whatever the exponent's is; of integers the powers are truncated."""
    kind = node.dtype()
    wide = kind if "float" in kind else "float64"
    base, exponent = (_as(node, k, wide) for k in (0, 1))
    result = relax.op.power(base, exponent)
    return result if wide == kind else relax.op.astype(node.emit(result), kind)


def _as(node: Node, k: int, dtype: str) -> Any:
    """Input `k` in a dtype."""
    x = node.emit(node.inputs[k])
    if node.dtype(k) == dtype:
        return x
    value = constant_value(x, node.builder)
    return node.emit(relax.op.astype(x, dtype)) if value is None else node.const(value, dtype)


@converts("Selu")
def selu(node: Node) -> Any:
    """γ (α eˣ − α) below 0, γ x above; TVM's forgets γ for positive values."""
    alpha = node.attr("alpha", 1.67326319217681884765625)
    gamma = node.attr("gamma", 1.05070102214813232421875)
    x, op = node.inputs[0], relax.op
    below = op.multiply(node.const(alpha), op.subtract(op.exp(x), node.const(1)))
    return op.multiply(node.const(gamma), op.where(op.greater(x, node.const(0)), x, below))


@converts("Elu", "HardSigmoid", "Softsign")
def parametric(node: Node) -> Any:
    """Activations that recurrent networks know, too."""
    given = {name: node.attrs[name] for name in ("alpha", "beta") if name in node.attrs}
    alphas, betas = ([given[name]] if name in given else [] for name in ("alpha", "beta"))
    return activation(node, node.operator, alphas, betas)(node.emit(node.inputs[0]))


@converts("Celu")
def celu(node: Node) -> Any:
    """max(0, x) + min(0, α (exp(x / α) − 1))."""
    alpha, zero = node.const(node.attr("alpha", 1.0)), node.const(0)
    x, op = node.inputs[0], relax.op
    grown = op.subtract(op.exp(op.divide(x, alpha)), node.const(1))
    below = op.minimum(zero, op.multiply(alpha, grown))
    return op.add(op.maximum(zero, x), below)


@converts("ThresholdedRelu")
def thresholded_relu(node: Node) -> Any:
    """What is above a threshold, else 0."""
    x, threshold = node.inputs[0], node.const(node.attr("alpha", 1.0))
    return relax.op.where(relax.op.greater(x, threshold), x, node.const(0))


@converts("Swish", "com.microsoft.QuickGelu")
def swish(node: Node) -> Any:
    """The product of x and sigmoid(α x)."""
    alpha = node.attr("alpha", 1.0 if node.operator == "Swish" else 1.702)
    x = node.inputs[0]
    return relax.op.multiply(x, relax.op.sigmoid(relax.op.multiply(x, node.const(alpha))))


@converts("IsInf")
def is_inf(node: Node) -> Any:
    """Infinities of the signs that are asked for, which TVM's does not look at."""
    x, zero = node.inputs[0], node.const(0)
    found = relax.op.isinf(x)
    if not node.attr("detect_positive", 1):
        found = relax.op.logical_and(found, relax.op.less(x, zero))
    if not node.attr("detect_negative", 1):
        found = relax.op.logical_and(found, relax.op.greater(x, zero))
    return found


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


@converts("Mod")
def modulo(node: Node) -> Any:
    """The rest has the divisor's sign, with `fmod` the dividend's; infinite divisors are floats."""
    if "float" not in node.dtype() or node.attr("fmod", 0):
        return natively(node)
    op, zero = relax.op, node.const(0)
    divisor = node.emit(node.inputs[1])
    rest = node.emit(op.mod(node.emit(node.inputs[0]), divisor))
    opposite = op.logical_xor(op.less(rest, zero), op.less(divisor, zero))
    moves = op.logical_and(opposite, op.not_equal(rest, zero))
    return op.where(moves, op.add(rest, divisor), rest)


@converts("BitShift")
def bit_shift(node: Node) -> Any:
    """A shift by the width or more leaves the sign's bits, where a processor would take the rest.

    A negative one counts as such.
    """
    op, kind = relax.op, node.dtype()
    x, by = (node.emit(expr) for expr in node.inputs)
    width = tvm.DataType(kind).bits
    within = op.less(by, node.const(width))
    if not kind.startswith("u"):
        within = op.logical_and(within, op.greater_equal(by, node.const(0)))
    if node.attr("direction", "") == "LEFT":
        near = op.where(within, by, node.const(0))
        return op.where(within, op.left_shift(x, near), node.const(0))
    shifted = op.right_shift(x, node.emit(op.where(within, by, node.const(width - 1))))
    return shifted if not kind.startswith("u") else op.where(within, shifted, node.const(0))
