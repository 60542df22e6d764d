"""Files that come in another way than as they are: simplified, or in a newer opset."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import Network, TargetSpec, load_network
from tests.model import untuned


def _saved(
    path: Path,
    opset: int,
    nodes: Sequence[onnx.NodeProto],
    **weights: Sequence[float | int],
) -> Path:
    """A graph from x, 2 × 3 floats, to y of the same shape."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
        [
            numpy_helper.from_array(
                np.array(value, np.float32 if isinstance(value[0], float) else np.int64), name
            )
            for name, value in weights.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def _is_right(network: Network, cpu: TargetSpec) -> bool:
    return untuned.worst_relative_error(network, cpu) <= 1e-5


def test_shapes_fitted_by_an_attribute_come_by_the_version_converter(
    cpu: TargetSpec, tmp_path: Path
) -> None:
    node = helper.make_node("Add", ["x", "b"], ["y"], broadcast=1, axis=0)
    network = load_network(_saved(tmp_path / "old.onnx", 6, [node], b=[1.0, -2.0]), cpu)
    assert network.notes == ("ONNX's version converter brought it from opset 6 to 13",)
    assert _is_right(network, cpu)


@pytest.mark.parametrize("known", [True, False])
def test_a_condition_must_be_known(known: bool, cpu: TargetSpec, tmp_path: Path) -> None:
    def branch(operator: str) -> onnx.GraphProto:
        result = helper.make_tensor_value_info("r", TensorProto.FLOAT, [2, 3])
        return helper.make_graph([helper.make_node(operator, ["x"], ["r"])], "b", [], [result])

    nodes = [
        helper.make_node("ReduceSum", ["one" if known else "x"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["truth"], to=TensorProto.BOOL),
        helper.make_node("If", ["truth"], ["y"], name="decides", then_branch=branch("Exp"),
                         else_branch=branch("Neg")),
    ]  # fmt: skip
    path = _saved(tmp_path / "if.onnx", 13, nodes, one=[1.0])
    if known:
        assert _is_right(load_network(path, cpu), cpu)
    else:
        with pytest.raises(InputError, match=r"node 'decides' \(If\): its condition is not known"):
            load_network(path, cpu)
