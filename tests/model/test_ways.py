"""A torch network comes in by the way that gives torch's answers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from tvm import relax

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import TargetSpec, load_network
from dgtl_ray.model.checking.choosing import check_ways, require_right
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
    assert network.source.by_onnx
    (note,) = network.notes
    assert note.startswith("imported by way of ONNX: by its own operators its answers were wrong")
    again = load_network(_selecting(), cpu, example_inputs=x, by_onnx=True)
    assert again.network_hash == network.network_hash


def test_wrong_both_ways(cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    _wrong(monkeypatch)
    monkeypatch.setattr(
        "dgtl_ray.model.torch_source.import_by_onnx", _refusing("torch.onnx.export: no")
    )
    network = load_network(_selecting(), cpu, example_inputs=torch.randn(2, 3, 8))
    with pytest.raises(InputError, match=r"first operator whose answer differs is aten\.select"):
        require_right(network, cpu)


def test_what_its_own_operators_do_not_lead_in(
    cpu: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONVERTERS, "select.int", _refusing("not today"))
    network = load_network(_selecting(), cpu, example_inputs=torch.randn(2, 3, 8))
    assert network.source.by_onnx
    (note,) = network.notes
    assert note.startswith("imported by way of ONNX: TVM cannot import it: aten.select (")
    assert note.endswith("): not today")
    assert require_right(network, cpu)[1].ok
