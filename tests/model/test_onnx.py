"""Networks in ONNX files."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.model import TargetSpec, load_network
from tests.model import untuned
from tests.model.conftest import save_onnx


def test_gives_the_answers_of_onnx_runtime(cpu: TargetSpec, onnx_file: Path) -> None:
    network = load_network(onnx_file, cpu)
    assert network.name == "small"
    assert network.input_names == ("x",)
    assert [task.operator for task in network.tasks] == [
        "layout_transform",
        "conv2d",
        "reduce",
        "dense",
        "softmax",
    ]
    assert untuned.worst_relative_error(network, cpu) <= 1e-3


def test_has_a_reference_without_onnx_runtime(
    cpu: TargetSpec, onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_network(str(onnx_file), cpu)
    inputs = network.example_inputs()
    (expected,) = network.reference(inputs)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    np.testing.assert_allclose(network.reference(inputs)[0], expected, rtol=1e-4, atol=1e-6)


def test_a_missing_file(cpu: TargetSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file: .*none\.onnx"):
        load_network(tmp_path / "none.onnx", cpu)


@pytest.mark.parametrize("content", [b"", b"import torch\n", b"\x08\x08\x12"])
def test_a_file_that_is_no_onnx(cpu: TargetSpec, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.onnx is not a valid ONNX file: \w"):
        load_network(path, cpu)


def test_a_torn_file(cpu: TargetSpec, onnx_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.onnx"
    path.write_bytes(onnx_file.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"torn\.onnx is not a valid ONNX file"):
        load_network(path, cpu)


def test_shapes_that_depend_on_the_data(cpu: TargetSpec, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["indices"], name="finds"),
        helper.make_node("Cast", ["indices"], ["y"], to=1),
    ]
    path = save_onnx(tmp_path / "nonzero.onnx", nodes, [2, 3], [2, "found"])
    with pytest.raises(
        InputError, match=r"node 'finds' \(NonZero\): the shape of its result depends"
    ):
        load_network(path, cpu)


def test_an_input_without_a_shape(cpu: TargetSpec, tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("SequenceAt", ["x", "i"], ["y"])],
        "graph",
        [
            helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2]),
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    onnx.save(helper.make_model(graph), tmp_path / "sequence.onnx")
    with pytest.raises(InputError, match=r"input 'x' is not a tensor of known shape"):
        load_network(tmp_path / "sequence.onnx", cpu)


def test_an_operator_that_cannot_be_imported_is_named(cpu: TargetSpec, tmp_path: Path) -> None:
    nodes = [helper.make_node("Det", ["x"], ["y"])]
    path = save_onnx(tmp_path / "det.onnx", nodes, [2, 3, 3], [2])
    with pytest.raises(InputError, match=r"node 'y' \(Det\): the operator is not supported"):
        load_network(path, cpu)


def test_without_the_onnx_package(
    cpu: TargetSpec, onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "dgtl_ray.model.onnx_source", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'dgtl_ray\[onnx\]'"):
        load_network(onnx_file, cpu)
