"""Networks in 16-bit floats, and float32 networks that are computed in float16."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import Network, TargetSpec, load_network
from dgtl_ray.model.checking.checking import check
from dgtl_ray.run.checking import require_tunable

LENGTH = 4096


class Mixed(nn.Module):
    """What float16 treats in several ways: products, sums, exponentials, a mask, what follows."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.dense = nn.Linear(8, 8)

    def forward(self, image: Tensor) -> Tensor:
        rows = torch.relu(self.norm(self.convolution(image))).flatten(2).transpose(1, 2)
        scores = rows @ self.dense(rows).transpose(1, 2)
        mask = torch.full((36, 36), torch.finfo(image.dtype).min, dtype=image.dtype).triu(1)
        return torch.softmax(scores + mask, -1).mean(1)


def image(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(1, 3, 8, 8).to(dtype)


def dtypes(network: Network) -> set[str]:
    """Of what its products read and write."""
    products = [t for t in network.tasks if t.operator in ("conv2d", "matmul")]
    return {arg.dtype for task in products for arg in (task.args[0], task.args[1])}


def one_operator(path: Path, operator: str, dtype: int, *weights: np.ndarray) -> Path:
    """An ONNX file of one operator on an input of LENGTH columns."""
    names = [f"w{k}" for k in range(len(weights))]
    tensors = [numpy_helper.from_array(w, n) for w, n in zip(weights, names, strict=True)]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *names], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", dtype, [1, LENGTH])],
        [helper.make_tensor_value_info("y", dtype, ["rows", "columns"])],
        tensors,
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def test_a_half_network_is_right_at_its_own_precision(cpu: TargetSpec) -> None:
    network = load_network(Mixed().eval().half(), cpu, example_inputs=image(torch.float16))
    assert [spec.dtype for spec in network.inputs] == ["float16"]
    assert network.facts.precision == "float16"
    assert dtypes(network) == {"float16"}
    assert check(network).ok


def test_a_float32_network_in_float16_keeps_its_inputs_and_outputs(cpu: TargetSpec) -> None:
    module = Mixed().eval()
    network = load_network(module, cpu, example_inputs=image(), precision="float16")
    assert [spec.dtype for spec in network.inputs] == ["float32"]
    assert dtypes(network) == {"float16"}
    report = check(network)
    assert report.ok
    assert 1e-5 < report.error < 1e-2  # float16's, not float32's
    own = load_network(module, cpu, example_inputs=image())
    assert own.network_hash != network.network_hash


@pytest.mark.parametrize("operator", ["MatMul", "ReduceSum"])
def test_thousands_of_numbers_are_added_in_float32(
    cpu: TargetSpec, tmp_path: Path, operator: str
) -> None:
    weights = np.ones((LENGTH, 2), np.float16) if operator == "MatMul" else np.array([1])
    path = one_operator(tmp_path / "sum.onnx", operator, TensorProto.FLOAT16, weights)
    network = load_network(path, cpu)
    report = check(network)
    # Half a step of float16, of a sum of some two thousand: 2⁻¹¹. In float16 it would end at 2048.
    positive = [o.closeness.error for o in report.outputs if o.draw == "inputs from 0 to 1"]
    assert max(positive) <= 2.0**-11
    assert report.ok


def test_what_is_in_float16_already_stays_as_it_is(cpu: TargetSpec, tmp_path: Path) -> None:
    path = one_operator(tmp_path / "exp.onnx", "Exp", TensorProto.FLOAT16)
    own, narrowed = (load_network(path, cpu, precision=p) for p in ("own", "float16"))
    assert own.network_hash == narrowed.network_hash


def test_no_float16_is_made_of_float64(cpu: TargetSpec) -> None:
    with pytest.raises(InputError, match="float16 is made of networks in float32, not in float64"):
        load_network(
            nn.Linear(4, 2).double(),
            cpu,
            example_inputs=torch.randn(3, 4, dtype=torch.float64),
            precision="float16",
        )


def test_bfloat16_is_refused_with_what_to_do(cpu: TargetSpec, tmp_path: Path) -> None:
    path = one_operator(tmp_path / "exp.onnx", "Exp", TensorProto.BFLOAT16)
    with pytest.raises(InputError, match=r"it is in bfloat16.* give it in float32"):
        load_network(path, cpu)
    module = nn.Linear(4, 2).bfloat16()
    rows = torch.randn(3, 4, dtype=torch.bfloat16)
    with pytest.raises(InputError, match=r"it is in bfloat16.* give it in float32"):
        require_tunable(load_network(module, cpu, example_inputs=rows))
