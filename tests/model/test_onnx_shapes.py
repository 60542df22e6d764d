"""Shapes that an ONNX file leaves open, and weights that lie in a second file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from typer.testing import CliRunner

from dgtl_ray.cli import app
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.shapes import Shapes, parse_shapes
from dgtl_ray.model import TargetSpec, load_network
from dgtl_ray.model.onnx_files import all_files
from tests.model import untuned
from tests.model.conftest import save_onnx


@pytest.fixture
def open_file(tmp_path: Path) -> Path:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "first"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["to"], axis=0),
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Reshape", ["r", "to"], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([0]), "first"),
        numpy_helper.from_array(np.array([-1]), "rest"),
    ]
    return save_onnx(
        tmp_path / "open.onnx", nodes, ["batch", "length", 4], ["batch", "flat"], constants
    )


def test_given_sizes_are_taken(cpu: TargetSpec, open_file: Path) -> None:
    network = load_network(open_file, cpu, shapes=Shapes(dims={"batch": 3, "length": 5}))
    assert network.inputs[0].shape == (3, 5, 4)
    assert network.notes == ("it came in by way of onnxscript's optimiser, which fixed its shapes",)
    assert untuned.worst_relative_error(network, cpu) <= 1e-3


def test_a_whole_shape_is_taken(cpu: TargetSpec, open_file: Path) -> None:
    network = load_network(open_file, cpu, shapes=Shapes(inputs={"x": (2, 3, 4)}))
    assert network.inputs[0].shape == (2, 3, 4)


def test_a_batch_without_a_size_is_one_and_told(cpu: TargetSpec, open_file: Path) -> None:
    network = load_network(open_file, cpu, shapes=Shapes(dims={"length": 5}))
    assert network.inputs[0].shape == (1, 5, 4)
    note, way = network.notes
    assert "onnxscript" in way
    assert "first dimension of input 'x'" in note
    assert "--dim batch=8" in note


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (Shapes(), r"'x' is \(batch, length, 4\), and its dimension 1 has no size: give one with "
         r"--dim length=128, or --shape x=1,128,4"),
        (Shapes(inputs={"x": (1, 5, 3)}), r"--shape x=1,5,3 does not fit the input"),
        (Shapes(inputs={"x": (1, 5)}), r"--shape x=1,5 does not fit the input"),
        (Shapes(inputs={"image": (1, 5, 4)}), r"has no input 'image': it has 'x'"),
        (Shapes(dims={"width": 5}), r"has no dimension 'width': its inputs have 'batch', 'length'"),
    ],
)  # fmt: skip
def test_what_is_open_or_does_not_fit_is_told(
    cpu: TargetSpec, open_file: Path, shapes: Shapes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_network(open_file, cpu, shapes=shapes)


def test_a_torch_network_has_its_own_shapes(cpu: TargetSpec) -> None:
    with pytest.raises(InputError, match=r"--shape and --dim are for ONNX files"):
        load_network("tests.networks:tiny", cpu, shapes=Shapes(dims={"batch": 2}))


def test_texts_are_parsed() -> None:
    shapes = parse_shapes(["x=1,3,8,8", "a=b=2", "scalar="], ["batch=8"])
    assert shapes == Shapes(
        inputs={"x": (1, 3, 8, 8), "a=b": (2,), "scalar": ()}, dims={"batch": 8}
    )
    assert Shapes.from_json(shapes.as_json()) == shapes


@pytest.mark.parametrize(
    ("shapes", "dims", "message"),
    [
        (["x"], [], "--shape 'x': give it as in --shape image=1,3,224,224"),
        (["x=1,b"], [], "--shape 'x=1,b'"),
        (["x=1,0"], [], "whole numbers above 0"),
        (["x=1", "x=2"], [], "--shape x is given twice"),
        ([], ["batch=1,2"], "give one size"),
        ([], ["batch=-1"], "whole numbers above 0"),
    ],
)
def test_bad_texts_are_refused(shapes: list[str], dims: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_shapes(shapes, dims)


def test_the_command_line_takes_shapes(open_file: Path) -> None:
    result = CliRunner().invoke(app, ["tasks", str(open_file), "--dim", "length=5"])
    assert result.exit_code == 0, result.output
    assert "first dimension of input 'x'" in result.output
    assert "5" in result.output
    refused = CliRunner().invoke(app, ["tasks", str(open_file)])
    assert refused.exit_code == 2
    assert "--dim length=128" in refused.output


@pytest.fixture
def two_files(tmp_path: Path) -> Path:
    weight = np.random.default_rng(0).standard_normal((4, 600)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    path = save_onnx(
        tmp_path / "net" / "small.onnx",
        nodes,
        [1, 4],
        [1, 600],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(
        onnx.load(path), path, save_as_external_data=True, location="small.data", size_threshold=1
    )
    return path


def test_weights_in_a_second_file_from_another_folder(
    cpu: TargetSpec, two_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two_files.parent.parent)
    network = load_network("net/small.onnx", cpu)
    assert untuned.worst_relative_error(network, cpu) <= 1e-3
    assert all_files(two_files) == {
        "small.onnx": two_files,
        "small.data": two_files.parent / "small.data",
    }


def test_a_missing_second_file_is_named(cpu: TargetSpec, two_files: Path) -> None:
    data = two_files.parent / "small.data"
    data.unlink()
    with pytest.raises(InputError, match=rf"'small\.data', which is not there: .* at {data}"):
        load_network(two_files, cpu)


@pytest.mark.long
def test_weights_of_more_than_two_gigabytes_come_in(cpu: TargetSpec, tmp_path: Path) -> None:
    rows, columns = 512, 2**20 + 2**14
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(4 * rows * columns)
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[rows, columns])
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "large",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, rows])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, columns])],
        [weight],
    )
    path = tmp_path / "large.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    (task,) = load_network(path, cpu).tasks
    assert 2 * rows * columns <= task.flop < 2.1 * rows * columns
