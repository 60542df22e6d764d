"""A torch network comes in by the way that gives torch's answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn
from tvm import relax

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import TargetSpec, load_network
from dgtl_ray.model.checking.answers import compare_outputs
from dgtl_ray.model.checking.choosing import check_ways, require_right
from dgtl_ray.model.lowering import lower
from dgtl_ray.model.onnx_ops import importer
from dgtl_ray.model.torch_ops.call import Call
from dgtl_ray.model.torch_ops.converters import CONVERTERS
from tests.model import nets

pytestmark = pytest.mark.slow


def _selecting() -> nn.Module:
    return nets.Wired(lambda layers, x: layers[0](x)[:, 1], nn.Linear(8, 8))


def _wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    select = CONVERTERS["select.int"]

    def twice(call: Call) -> Any:
        return call.emit(relax.op.multiply(select(call), relax.const(2.0)))

    monkeypatch.setitem(CONVERTERS, "select.int", twice)


def _refusing(message: str) -> Callable[[object], None]:
    def refuse(_argument: object) -> None:
        raise InputError(message)

    return refuse


def test_wrong_by_its_own_operators_right_by_onnx(
    cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wrong(monkeypatch)
    x = torch.randn(2, 3, 8)
    network, report = check_ways(load_network(_selecting(), cpu, example_inputs=x), cpu)
    assert report.ok
    assert network.source.way == 1
    (note,) = network.notes
    assert note.startswith("imported by way of ONNX: by its own operators its answers were wrong")
    again = load_network(_selecting(), cpu, example_inputs=x, way=1)
    assert again.network_hash == network.network_hash


def test_what_gives_other_outputs_comes_in_another_way(
    cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_network(_selecting(), cpu, example_inputs=torch.randn(2, 3, 8))
    calls: list[object] = []

    def once_doubled(network: Any, answers: Any, run: Callable[..., Any]) -> Any:
        calls.append(network)
        times = 2 if len(calls) == 1 else 1
        return compare_outputs(network, answers, lambda inputs: tuple(run(inputs)) * times)

    monkeypatch.setattr("dgtl_ray.model.checking.checking.compare_outputs", once_doubled)
    found, report = check_ways(network, cpu)
    assert report.ok
    assert found.source.way == 1
    (note,) = found.notes
    assert note.endswith("by its own operators it gives 2 outputs, in its framework 1")


def test_what_cannot_be_lowered_comes_in_another_way(
    cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def once(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise ValueError("no loops today")
        return lower(*arguments)

    monkeypatch.setattr("dgtl_ray.model.loading.lower", once)
    network = load_network(_selecting(), cpu, example_inputs=torch.randn(2, 3, 8))
    assert network.source.way == 1
    assert network.notes == (
        "imported by way of ONNX: by its own operators TVM cannot lower it: no loops today",
    )
    assert require_right(network, cpu)[1].ok


def test_a_file_wrong_as_it_is_comes_in_simplified(
    cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch, onnx_file: Path
) -> None:
    imported = importer.import_model
    calls: list[object] = []

    def once_wrong(model: Any, inputs: Any) -> Any:
        calls.append(model)
        if len(calls) == 1:
            model = onnx.ModelProto.FromString(model.SerializeToString())
            next(n for n in model.graph.node if n.op_type == "Relu").op_type = "Tanh"
        return imported(model, inputs)

    monkeypatch.setattr(importer, "import_model", once_wrong)
    network, report = check_ways(load_network(onnx_file, cpu), cpu)
    assert report.ok
    assert network.source.way == 1
    optimised, why = network.notes
    assert "onnxscript's optimiser" in optimised
    assert why.startswith("as the file has it, its answers were wrong: output 0 on ")
    assert load_network(onnx_file, cpu, way=1).network_hash == network.network_hash


def test_wrong_both_ways(cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    _wrong(monkeypatch)
    monkeypatch.setattr(
        "dgtl_ray.model.torch_source.import_by_onnx", _refusing("torch.onnx.export: no")
    )
    network = load_network(_selecting(), cpu, example_inputs=torch.randn(2, 3, 8))
    culprit = r"first operator whose answer differs is aten\.select"
    other = r"; another way in fails, too: torch\.onnx\.export: no$"
    with pytest.raises(InputError, match=f"{culprit}.*{other}"):
        require_right(network, cpu)


def test_what_its_own_operators_do_not_lead_in(
    cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONVERTERS, "select.int", _refusing("not today"))
    network = load_network(_selecting(), cpu, example_inputs=torch.randn(2, 3, 8))
    assert network.source.way == 1
    (note,) = network.notes
    assert note.startswith("imported by way of ONNX: TVM cannot import it: aten.select (")
    assert note.endswith("): not today")
    assert require_right(network, cpu)[1].ok
