"""ONNX files that new users brought and that came to no good: right now, or refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from dgtl_ray.cli import app
from dgtl_ray.model import TargetSpec, load_network
from tests.model import untuned

_random = np.random.default_rng(0)
_W = _random.uniform(-1, 1, (1, 1, 3, 3)).astype(np.float32)


def _case(
    operator: str,
    shapes: tuple[list[int], list[int]],
    opset: int,
    weights: dict[str, Any] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    inputs = list(weights or {})
    if operator == "Resize":
        inputs.insert(0, "")
    source, result = shapes
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *inputs], ["y"], **attributes)],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, source)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()],
    )
    versions = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8 if opset > 9 else 4)


_F = _random.uniform(-1, 1, 4).astype(np.float32)
_RIGHT = {
    "instance_norm": _case(
        "InstanceNormalization", ([1, 4, 6, 6],) * 2, 13, {"s": _F, "b": _F[::-1].copy()}
    ),
    "scatter_nd": _case(
        "ScatterND",
        ([4, 3],) * 2,
        16,
        {"i": np.array([[1], [3]]), "u": _random.uniform(-1, 1, (2, 3)).astype(np.float32)},
    ),
    "output_shape": _case(
        "ConvTranspose", ([1, 1, 4, 4], [1, 1, 8, 8]), 14, {"w": _W}, strides=[2, 2],
        output_shape=[8, 8],
    ),
    "same_lower": _case(
        "MaxPool", ([1, 2, 7, 7], [1, 2, 4, 4]), 12, kernel_shape=[3, 3], strides=[2, 2],
        auto_pad="SAME_LOWER",
    ),
    "layernorm_broadcast": _case(
        "LayerNormalization", ([1, 3, 4, 4],) * 2, 17, {"s": _F, "b": _F[::-1].copy()}, axis=2
    ),
    "resize_15": _case(
        "Resize", ([1, 1, 3, 3], [1, 1, 4, 4]), 13, {"s": np.array([1, 1, 1.5, 1.5], np.float32)},
        mode="nearest",
    ),
    "upsample7": _case(
        "Upsample", ([1, 2, 3, 4], [1, 2, 6, 8]), 7, mode="nearest", scales=[1.0, 1.0, 2.0, 2.0]
    ),
    "dropout7": _case("Dropout", ([2, 6],) * 2, 7, ratio=0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", _RIGHT)
def test_right_numbers(name: str, cpu: TargetSpec, tmp_path: Path) -> None:
    onnx.save(_RIGHT[name], tmp_path / f"{name}.onnx")
    network = load_network(tmp_path / f"{name}.onnx", cpu)
    assert untuned.worst_relative_error(network, cpu) <= 1e-4


def test_shapes_that_depend_on_data_are_refused_by_the_command(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("NonZero", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [2, "n"])],
    )
    path = tmp_path / "nonzero.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    result = CliRunner().invoke(app, ["tasks", str(path)])
    assert result.exit_code == 2
    assert "node 'y' (NonZero): the shape of its result depends on the network's data" in (
        result.output
    )
