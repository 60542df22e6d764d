"""ONNX files as new users bring them; tiny."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_random = np.random.default_rng(0)


def _floats(*shape: int) -> NDArray[np.float32]:
    return _random.uniform(-1, 1, shape).astype(np.float32)


def _node(operator: str, inputs: str, outputs: str = "y", **attributes: Any) -> Any:
    """Names apart by spaces; `_` is an input that is not given."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


def _model(
    nodes: Any,  # one, or a list of them
    shape: tuple[int | str, ...],
    opset: int = 16,
    dtype: int = TensorProto.FLOAT,
    **weights: Any,
) -> onnx.ModelProto:
    """From `x` of a shape to `y`, of as many dimensions or as ONNX infers."""
    result = helper.make_empty_tensor_value_info("y")
    result.type.tensor_type.elem_type = dtype
    graph = helper.make_graph(
        nodes if isinstance(nodes, list) else [nodes],
        "graph",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [result],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8 if opset > 9 else 4)
    model = onnx.shape_inference.infer_shapes(model)
    (result,) = model.graph.output
    if not result.type.tensor_type.HasField("shape"):  # of operators that ONNX does not know
        result.CopyFrom(helper.make_tensor_value_info("y", dtype, [None] * len(shape)))
    return model


def _resized(opset: int, scales: list[float], mode: str = "nearest") -> onnx.ModelProto:
    operator, inputs = ("Upsample", "x s") if opset < 10 else ("Resize", "x s")
    if opset > 10:
        inputs = "x _ s"
    weight = np.array([1, 1, *scales], np.float32)
    return _model(_node(operator, inputs, mode=mode), (1, 2, 3, 4), opset, s=weight)


def _upsample_7(opset: int) -> onnx.ModelProto:
    node = _node("Upsample", "x", mode="nearest", scales=[1.0, 1.0, 2.0, 2.0])
    return _model(node, (1, 2, 3, 4), opset)


def _recurrent(operator: str, gates: int) -> onnx.ModelProto:
    """Three steps of one row."""
    nodes = [_node(operator, "x w r b", "all", hidden_size=4), _node("Squeeze", "all a")]
    weights: dict[str, Any] = {"w": _floats(1, gates * 4, 3), "r": _floats(1, gates * 4, 4)}
    return _model(nodes, (3, 1, 3), b=_floats(1, gates * 8), a=np.array([1]), **weights)


def _quantised() -> onnx.ModelProto:
    """A convolution between int8 roundings, which ONNX Runtime fuses to another computation."""
    nodes = [
        _node("QuantizeLinear", "x xs xz", "q"),
        _node("DequantizeLinear", "q xs xz", "d"),
        _node("DequantizeLinear", "w ws wz", "wd", axis=0),
        _node("Conv", "d wd", "c"),
        _node("QuantizeLinear", "c ys xz", "p"),
        _node("DequantizeLinear", "p ys xz"),
    ]
    scales: dict[str, Any] = {
        "xs": np.float32(0.02),
        "ys": np.float32(0.1),
        "ws": np.full(4, 0.01, np.float32),
    }
    zeros: dict[str, Any] = {"xz": np.uint8(128), "wz": np.zeros(4, np.int8)}
    w = _random.integers(-127, 128, (4, 8, 3, 3)).astype(np.int8)
    return _model(nodes, (1, 8, 8, 8), 13, w=w, **scales, **zeros)


def _attention() -> onnx.ModelProto:
    node = _node("Attention", "x w b", domain="com.microsoft", num_heads=2)
    return _model(node, (1, 5, 8), w=_floats(8, 24), b=_floats(24))


def _two_files(path: Path) -> None:
    """The second file does not come along."""
    onnx.save(
        _model(_node("MatMul", "x w"), (1, 4), w=_floats(4, 64)), path,
        save_as_external_data=True, location="model.data", size_threshold=1,
    )  # fmt: skip
    (path.parent / "model.data").unlink()


_W = _floats(1, 1, 3, 3)
MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "decoder": lambda: _model(
        [_node("Conv", "x w", "a", pads=[1] * 4), _node("ConvTranspose", "a w", strides=[2, 2])],
        (1, 1, 4, 4), w=_W,
    ),
    "instance_norm": lambda: _model(
        _node("InstanceNormalization", "x s b"), (1, 4, 6, 6), 13, s=_floats(4), b=_floats(4)
    ),
    "sum_all": lambda: _model(_node("ReduceSum", "x"), (4, 8)),
    "max_all": lambda: _model(_node("ReduceMax", "x", keepdims=0), (4, 8)),
    "scatter_nd": lambda: _model(
        _node("ScatterND", "x i u"), (4, 3), i=np.array([[1], [3]]), u=_floats(2, 3)
    ),
    "grid_sample": lambda: _model(
        _node("GridSample", "x g"), (1, 2, 6, 6), g=_floats(1, 4, 4, 2)
    ),
    "resize_15": lambda: _resized(13, [1.5, 1.5]),
    "upsample_7": lambda: _upsample_7(7),
    "upsample_8": lambda: _upsample_7(8),
    "upsample_9": lambda: _resized(9, [2.0, 1.5], "linear"),
    "resize_10": lambda: _resized(10, [2.0, 2.0]),
    "same_lower": lambda: _model(
        _node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER"),
        (1, 2, 7, 7), 12,
    ),
    "output_shape": lambda: _model(
        _node("ConvTranspose", "x w", strides=[2, 2], output_shape=[8, 8]), (1, 1, 4, 4), w=_W
    ),
    "layernorm_broadcast": lambda: _model(
        _node("LayerNormalization", "x s b", axis=2), (1, 3, 4, 4), 17, s=_floats(4), b=_floats(4)
    ),
    "lstm": lambda: _recurrent("LSTM", 4),
    "gru": lambda: _recurrent("GRU", 3),
    "rnn": lambda: _recurrent("RNN", 1),
    "logarithm": lambda: _model(_node("Log", "x"), (1, 8)),
    "masked": lambda: _model(
        _node("Where", "m k x"), (2, 9), m=np.arange(9) > 6, k=np.float32(-np.inf)
    ),
    "float16": lambda: _model(
        _node("Conv", "x w"), (1, 1, 8, 8), dtype=TensorProto.FLOAT16, w=_W.astype(np.float16)
    ),
    "bfloat16": lambda: _model(_node("Relu", "x"), (1, 8), dtype=TensorProto.BFLOAT16),
    "double": lambda: _model(
        _node("Conv", "x w"), (1, 1, 8, 8), dtype=TensorProto.DOUBLE, w=_W.astype(np.float64)
    ),
    "quantised": _quantised,
    "identity": lambda: _model(_node("Identity", "x"), (2, 3)),
    "attention": _attention,
    "nonzero": lambda: _model(
        [_node("NonZero", "x", "n"), _node("Cast", "n", to=TensorProto.FLOAT)], (3, 4)
    ),
    "dropout_7": lambda: _model(_node("Dropout", "x", ratio=0.5), (2, 6), 7),
    "open_batch": lambda: _model(
        _node("Conv", "x w"), ("batch", 1, "height", 8), w=_W
    ),
}  # fmt: skip


def write(name: str, folder: Path) -> str:
    """The path of one of them, or of `two_files`."""
    path = folder / f"{name}.onnx"
    if name == "two_files":
        _two_files(path)
    else:
        onnx.save(MODELS[name](), path)
    return str(path)
