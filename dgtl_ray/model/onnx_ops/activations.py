"""The activations that recurrent and fused operators name in an attribute."""

from collections.abc import Callable
from typing import Any

from tvm import relax

from dgtl_ray.model.onnx_ops.node import Node

# Values where a node gives none; those with two take them in this order: alpha, beta.
_ALPHAS = {
    "Affine": 1.0,
    "LeakyRelu": 0.01,
    "ThresholdedRelu": 1.0,
    "ScaledTanh": 1.0,
    "HardSigmoid": 0.2,
    "Elu": 1.0,
}
_BETAS = {"Affine": 0.0, "ScaledTanh": 1.0, "HardSigmoid": 0.5}


def activation(
    node: Node, name: str, alphas: list[float], betas: list[float]
) -> Callable[[Any], Any]:
    """The function of that name; values that it needs it takes from the front of the lists."""
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name == "Softsign":
        return lambda x: relax.op.divide(x, relax.op.add(relax.op.abs(x), node.const(1)))
    if name not in _ALPHAS:
        raise node.refuse(f"activation {name} is not supported")
    alpha = alphas.pop(0) if alphas else _ALPHAS[name]
    beta = (betas.pop(0) if betas else _BETAS[name]) if name in _BETAS else 0.0
    return lambda x: _parametric(node, name, x, node.const(alpha), node.const(beta))


def _parametric(node: Node, name: str, x: Any, alpha: Any, beta: Any) -> Any:
    op, zero, one = relax.op, node.const(0), node.const(1)
    line = op.add(op.multiply(alpha, x), beta)
    if name == "Affine":
        return line
    if name == "HardSigmoid":
        return op.minimum(op.maximum(line, zero), one)
    if name == "ScaledTanh":
        return op.multiply(alpha, op.tanh(op.multiply(beta, x)))
    if name == "ThresholdedRelu":
        return op.where(op.greater(x, alpha), x, zero)
    below = x if name == "LeakyRelu" else op.subtract(op.exp(x), one)
    return op.where(op.less(x, zero), op.multiply(alpha, below), x)


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    "Relu": relax.op.nn.relu,
    "Tanh": relax.op.tanh,
    "Sigmoid": relax.op.sigmoid,
    "Softplus": relax.op.nn.softplus,
}
