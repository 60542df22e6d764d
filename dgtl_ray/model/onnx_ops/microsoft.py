"""What else ONNX Runtime's optimisers write: fused products, activations and normalisations."""

from typing import Any

from tvm import relax
from tvm.relax.frontend.onnx import onnx_frontend

from dgtl_ray.model.onnx_ops.activations import activation
from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.normalization import root_mean_square, with_statistics
from dgtl_ray.model.onnx_ops.table import converts


@converts("com.microsoft.FusedMatMul")
def fused_matmul(node: Node) -> Any:
    """α · a b, each with its last two axes swapped on request."""
    if node.attr("transBatchA", 0) or node.attr("transBatchB", 0):
        raise node.refuse("transBatchA=1 and transBatchB=1 are not supported")
    a, b = (_turned(node, i, name) for i, name in enumerate(("transA", "transB")))
    product = relax.op.matmul(a, b)
    alpha = node.attr("alpha", 1.0)
    return product if alpha == 1 else relax.op.multiply(product, node.const(alpha))


def _turned(node: Node, i: int, name: str) -> Any:
    x, rank = node.emit(node.inputs[i]), len(node.shape(i))
    if not node.attr(name, 0) or rank < 2:
        return x
    return node.emit(relax.op.permute_dims(x, [*range(rank - 2), rank - 1, rank - 2]))


@converts("com.microsoft.Gelu", "com.microsoft.BiasGelu")
def gelu(node: Node) -> Any:
    """GELU by erf, of the sum with a bias where there is one."""
    return relax.op.nn.gelu(_sum(node, 2))


@converts("com.microsoft.FastGelu")
def fast_gelu(node: Node) -> Any:
    """GELU by tanh, of the sum with a bias where there is one."""
    return relax.op.nn.gelu_tanh(_sum(node, 2))


def _sum(node: Node, count: int) -> Any:
    total = node.emit(node.inputs[0])
    for i in range(1, count):
        if node.has(i):
            total = node.emit(relax.op.add(total, node.inputs[i]))
    return total


@converts("com.microsoft.SkipLayerNormalization")
def skip_layer_normalization(node: Node) -> Any:
    """Layer norm over the last axis of input + skip + bias; the fourth output is that sum."""
    total, wide = _skipped(node, 4)
    last, epsilon = len(node.shape()) - 1, node.attr("epsilon", 1e-12)
    gamma = node.emit(relax.op.astype(node.inputs[2], "float32"))
    beta = node.inputs[3] if node.has(3) else node.emit(relax.op.zeros_like(gamma))
    beta = node.emit(relax.op.astype(beta, "float32"))
    result = relax.op.nn.layer_norm(wide, gamma, beta, axes=[last], epsilon=epsilon)
    narrow = relax.op.astype(node.emit(result), node.dtype())
    outputs = with_statistics(node, narrow, wide, [last], epsilon)
    return outputs if node.outputs < 4 else relax.Tuple([*outputs, total])


@converts("com.microsoft.SkipSimplifiedLayerNormalization")
def skip_rms_normalization(node: Node) -> Any:
    """RMS norm over the last axis of input + skip + bias; the fourth output is that sum."""
    total, wide = _skipped(node, 3)
    last = len(node.shape()) - 1
    scaled, inverse = root_mean_square(node, wide, [last], node.attr("epsilon", 1e-12))
    gamma = node.emit(relax.op.astype(node.inputs[2], "float32"))
    result = node.emit(relax.op.astype(relax.op.multiply(scaled, gamma), node.dtype()))
    # The second output, the mean, has no meaning here.
    return relax.Tuple([result, inverse, inverse, total][: node.outputs])


def _skipped(node: Node, bias_at: int) -> tuple[Any, Any]:
    """The sum of what is normalised: in its own dtype, and as float32."""
    total = node.emit(relax.op.add(node.inputs[0], node.inputs[1]))
    if node.has(bias_at):
        total = node.emit(relax.op.add(total, node.inputs[bias_at]))
    return total, node.emit(relax.op.astype(total, "float32"))


@converts("com.microsoft.EmbedLayerNormalization")
def embed_layer_normalization(node: Node) -> Any:
    """Layer norm of the sum of embeddings of words, positions and segments."""
    op = relax.op
    batch, length = node.shape()
    total = node.emit(op.take(node.inputs[2], node.inputs[0], axis=0))
    positions = node.optional(8)
    if positions is None:
        positions = node.const(range(length), "int32")
    total = node.emit(op.add(total, op.take(node.inputs[3], positions, axis=0)))
    if node.has(1) and node.has(4):
        total = node.emit(op.add(total, op.take(node.inputs[4], node.inputs[1], axis=0)))
    epsilon = node.attr("epsilon", 1e-12)
    wide, scale, shift = (
        node.emit(op.astype(part, "float32")) for part in (total, node.inputs[5], node.inputs[6])
    )
    result = op.nn.layer_norm(wide, scale, shift, axes=[2], epsilon=epsilon)
    result = op.astype(node.emit(result), node.dtype(2))
    if node.has(7):
        mask = op.sum(op.astype(node.inputs[7], "int32"), axis=[1])
    else:
        mask = op.zeros((batch,), "int32")
    outputs = [node.emit(result), node.emit(mask), total][: node.outputs]
    return outputs[0] if node.outputs == 1 else relax.Tuple(outputs)


@converts("com.microsoft.FusedConv")
def fused_conv(node: Node) -> Any:
    """A convolution, another tensor added where there is one, and an activation."""
    convert = onnx_frontend.Conv.get_converter(node.opset)
    inputs = onnx_frontend.onnx_input(node.inputs[:3])
    result = node.emit(convert(node.builder, inputs, dict(node.attrs), [{}, {}]))
    if node.has(3):
        result = node.emit(relax.op.add(result, node.inputs[3]))
    return _activated(node, result)


@converts("com.microsoft.FusedGemm")
def fused_gemm(node: Node) -> Any:
    """A matrix product with bias, and an activation."""
    convert = onnx_frontend.Gemm.get_converter(node.opset)
    attrs = {k: v for k, v in node.attrs.items() if not k.startswith("activation")}
    inputs = onnx_frontend.onnx_input(node.inputs)
    return _activated(node, node.emit(convert(node.builder, inputs, attrs, [{}, {}])))


def _activated(node: Node, x: Any) -> Any:
    name = node.attr("activation", "")
    params = node.attr("activation_params", [])
    if name == "Clip":
        return relax.op.clip(x, *params)
    alpha = node.attr("activation_alpha", None)
    alphas = list(params[:1]) or ([] if alpha is None else [alpha])
    return activation(node, name, alphas, list(params[1:2]))(x) if name else x
