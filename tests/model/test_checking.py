"""Whether an imported network is right, and which operator is to blame where it is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import Network, TargetSpec, load_network
from dgtl_ray.model.checking.checking import check
from dgtl_ray.model.checking.choosing import require_right
from dgtl_ray.model.checking.locating import _cut
from dgtl_ray.model.draws import draws
from dgtl_ray.model.onnx_source import OnnxSource
from tests.model import nets
from tests.model.conftest import save_onnx

FACTORIES = "tests.user_factories:"


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Three operators one after another; the second one has an attribute."""
    nodes = [
        helper.make_node("Abs", ["x"], ["a"]),
        helper.make_node("LeakyRelu", ["a_"], ["b"], name="leaky", alpha=0.5),
        helper.make_node("Neg", ["a"], ["a_"]),
        helper.make_node("Exp", ["b"], ["y"]),
    ]
    return save_onnx(
        tmp_path / "chain.onnx", [nodes[0], nodes[2], nodes[1], nodes[3]], [4, 8], [4, 8]
    )


def _import_with(change: Callable[[Any], None]) -> Callable[[OnnxSource], Any]:
    """`to_relax` of a network that is changed before."""
    to_relax = OnnxSource.to_relax

    def wrong(self: OnnxSource) -> Any:
        right = self._model
        self._model = onnx.ModelProto()
        self._model.CopyFrom(right)
        change(self._model)
        try:
            return to_relax(self)
        finally:
            self._model = right

    return wrong


def test_a_right_network_passes(cpu: TargetSpec, chain: Path) -> None:
    report = check(load_network(chain, cpu))
    assert report.ok
    assert report.error < 1e-5
    assert [output.draw for output in report.outputs] == [
        "normal inputs",
        "large inputs",
        "inputs from 0 to 1",
    ]
    _, report = require_right(load_network(chain, cpu), cpu)
    assert report.as_dict()["ok"] is True


def test_what_is_imported_wrong_is_named(
    cpu: TargetSpec, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(model: Any) -> None:
        (leaky,) = (node for node in model.graph.node if node.op_type == "LeakyRelu")
        leaky.attribute[0].f = 0.4

    monkeypatch.setattr(OnnxSource, "to_relax", _import_with(change))
    report = check(load_network(chain, cpu))
    assert not report.ok
    assert report.culprit == "LeakyRelu 'leaky'"
    with pytest.raises(
        InputError, match=r"chain: .* whose answer differs is LeakyRelu 'leaky'\. Out"
    ):
        require_right(load_network(chain, cpu), cpu)


def test_another_shape_is_a_wrong_answer(
    cpu: TargetSpec, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(model: Any) -> None:
        node = model.graph.node[3]
        node.op_type = "Transpose"

    monkeypatch.setattr(OnnxSource, "to_relax", _import_with(change))
    with pytest.raises(InputError, match=r"is Exp 'y'.* shape \[8, 4\] instead of \[4, 8\]"):
        require_right(load_network(chain, cpu), cpu)


def test_a_network_cut_after_any_operator(cpu: TargetSpec, chain: Path) -> None:
    network = load_network(chain, cpu)
    opened = network.source.opened()
    module = opened.to_relax()
    assert list(opened.labels) == ["Abs 'a'", "Neg 'a_'", "LeakyRelu 'leaky'", "Exp 'y'"]
    for position in range(len(opened.labels)):
        calls = [b for block in _cut(module, position)["main"].body.blocks for b in block.bindings]
        assert len([b for b in calls if hasattr(b.value, "op")]) == position + 1


@pytest.mark.parametrize("name", ["dropout_on", "noise"])
def test_answers_that_change_are_no_reference(cpu: TargetSpec, name: str) -> None:
    with pytest.raises(InputError, match="answers change from run to run"):
        check(load_network(FACTORIES + name, cpu))


def test_a_reference_that_is_not_finite_is_noted(cpu: TargetSpec) -> None:
    report = check(load_network(FACTORIES + "masked", cpu))
    assert report.ok
    assert any("is not finite on the example inputs, normal inputs" in n for n in report.notes)


def test_rows_of_an_embedding_are_all_tried(cpu: TargetSpec) -> None:
    network: Network = load_network(FACTORIES + "indices", cpu)
    assert network.facts.ranges == ((0, 49),)
    (drawn,) = network.example_inputs(1)
    assert drawn.dtype == np.int64
    assert 25 < drawn.max() < 50
    assert drawn.min() >= 0
    assert check(network).ok


@pytest.mark.parametrize(
    ("name", "last"),
    [("counted_rows", 49), ("shifted_rows", 48), ("offset_rows", 19), ("rows_of_floats", 49)],
)
def test_rows_are_found_by_whatever_looks_them_up(cpu: TargetSpec, name: str, last: int) -> None:
    network = load_network(FACTORIES + name, cpu)
    assert network.facts.ranges == ((0, last),)
    report = check(network)
    assert report.ok, report.message()
    assert report.notes == ()


def test_inputs_that_the_framework_does_not_take_are_left_out(cpu: TargetSpec) -> None:
    report = check(load_network(FACTORIES + "rows_by_tenths", cpu))
    assert report.ok, report.message()
    assert {output.draw for output in report.outputs} == {
        "the example inputs",
        "inputs from 0 to 1",
    }
    assert len(report.notes) == 2
    assert report.notes[0].startswith(
        "its answers on normal inputs were not compared: PyTorch cannot run it: IndexError: "
    )


def test_inputs_of_the_user_that_cannot_be_run_are_refused(cpu: TargetSpec) -> None:
    module = nn.Sequential(nn.Embedding(10, 4))
    network = load_network(module, cpu, example_inputs=torch.tensor([10]))
    with pytest.raises(InputError, match=r"^Sequential: PyTorch cannot run it: IndexError: \w"):
        check(network)


def test_an_input_without_axes(cpu: TargetSpec) -> None:
    module = nets.Wired(lambda layers, x, factor: layers[0](x) * factor, nn.Linear(8, 4))
    inputs = (torch.randn(2, 8), torch.tensor(0.5))
    network = load_network(module, cpu, example_inputs=inputs)
    assert all(isinstance(array, np.ndarray) for draw in draws(network) for array in draw.inputs)
    assert check(network).ok


def test_a_network_that_writes_into_its_input(cpu: TargetSpec) -> None:
    module = nets.Wired(lambda layers, x: layers[0](x.sub_(0.5)), nn.Linear(8, 4))
    network = load_network(module, cpu, example_inputs=torch.randn(2, 8))
    (before,) = network.source.own_inputs() or ()
    assert check(network).ok
    (after,) = network.source.own_inputs() or ()
    np.testing.assert_array_equal(before, after)


def test_a_parameter_among_the_outputs(cpu: TargetSpec) -> None:
    module = nets.Wired(lambda layers, x: (layers[0](x), layers[0].bias), nn.Linear(8, 4))
    assert check(load_network(module, cpu, example_inputs=torch.randn(2, 8))).ok


def test_a_wrong_small_part_is_seen(cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_network(FACTORIES + "parts", cpu)
    right = type(network.source).reference

    def shifted(source: Any, inputs: Any) -> Any:
        (answers,) = right(source, inputs)
        answers = answers.copy()
        answers[:, 8:] += 0.1
        return (answers,)

    assert check(network).ok
    monkeypatch.setattr(type(network.source), "reference", shifted)
    assert not check(network, name_culprit=False).ok


def test_a_torch_network_opened(cpu: TargetSpec) -> None:
    opened = load_network(FACTORIES + "parts", cpu).source.opened()
    x = np.ones((4, 8), np.float32)
    results = opened.reference((x,))
    assert [label.split(" ")[0] for label in opened.labels][:2] == [
        "aten.linear.default",
        "aten.mul.Tensor",
    ]
    assert opened.labels[0].endswith(" in layers.0")
    np.testing.assert_allclose(results[1], 1000 * results[0])
    assert len(opened.to_relax()["main"].ret_ty.fields) == len(opened.labels)
