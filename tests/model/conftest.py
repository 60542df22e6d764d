"""What the tests of this room share."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from dgtl_ray.model import TargetSpec, parse_target


@pytest.fixture(scope="session")
def cpu() -> TargetSpec:
    return parse_target("cpu")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conv → batch norm → relu → global pooling → flatten → dense → softmax."""
    random = np.random.default_rng(0)
    weights = {
        "w": random.standard_normal((8, 3, 3, 3)),
        "scale": random.uniform(0.5, 1, 8),
        "shift": random.standard_normal(8),
        "mean": random.standard_normal(8),
        "var": random.uniform(0.5, 2, 8),
        "dense_w": random.standard_normal((5, 8)),
        "dense_b": random.standard_normal(5),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["a", "scale", "shift", "mean", "var"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "dense_w", "dense_b"], ["f"], transB=1),
        helper.make_node("Softmax", ["f"], ["y"], axis=1),
    ]
    initializers = [
        onnx.numpy_helper.from_array(value.astype(np.float32), name)
        for name, value in weights.items()
    ]
    return save_onnx(
        tmp_path_factory.mktemp("onnx") / "small.onnx", nodes, [1, 3, 12, 12], [1, 5], initializers
    )


def save_onnx(
    path: Path,
    nodes: list[onnx.NodeProto],
    input_shape: list[int | str],
    output_shape: list[int | str],
    initializers: list[onnx.TensorProto] | None = None,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
        initializers or [],
    )
    path.parent.mkdir(exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path
