"""Networks that cannot be used, and what is said of them."""

import pytest
import torch
from torch import nn

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import TargetSpec, load_network
from tests.model import nets


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("resnet_18", r"unknown network 'resnet_18': did you mean resnet18\?"),
        ("zebra", r"unknown network 'zebra': Give one of resnet18, .*an ONNX file"),
        ("", r"unknown network ''"),
        ("no.such.module:net", r"importing no\.such\.module failed: ModuleNotFoundError"),
        ("tests.model.nets:nothing", r"tests\.model\.nets has no nothing"),
        ("tests.model.nets:raises", r"raised RuntimeError: no weights found"),
        ("tests.model.nets:returns_text", r"returned str: it must return a torch\.nn\.Module"),
        ("tests.model.nets:without_inputs", r"example inputs must be .*, not NoneType"),
        ("tests.model.nets:IMAGE_SHAPE", r"is tuple: it must be a function"),
        (7, r"must be a name, a path or a torch\.nn\.Module, not int"),
    ],
)
def test_a_bad_name_is_explained(cpu: TargetSpec, spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_network(spec, cpu)


def test_a_module_without_inputs(cpu: TargetSpec) -> None:
    with pytest.raises(InputError, match=r"Linear: example inputs must be a tensor, "):
        load_network(nn.Linear(4, 2), cpu)


@pytest.mark.parametrize("devices", [("cpu", "meta"), ("meta", "cpu")])
def test_tensors_that_are_not_on_the_cpu(cpu: TargetSpec, devices: tuple[str, str]) -> None:
    module, x = nn.Linear(4, 2, device=devices[0]), torch.ones(3, 4, device=devices[1])
    with pytest.raises(InputError, match=r"^Linear: some of its tensors are on meta: give"):
        load_network(module, cpu, example_inputs=x)


def test_inputs_that_do_not_fit(cpu: TargetSpec) -> None:
    with pytest.raises(InputError, match=r"Linear: torch\.export cannot import it: \w"):
        load_network(nn.Linear(4, 2), cpu, example_inputs=torch.randn(3, 5))


@pytest.mark.slow  # it tries to come in by way of ONNX, too
def test_an_operator_that_cannot_be_imported_is_named(cpu: TargetSpec) -> None:
    module = nets.Wired(lambda _layers, x: torch.fft.fft(x).real)
    with pytest.raises(InputError, match=r"TVM cannot import it: .*fft"):
        load_network(module, cpu, example_inputs=torch.randn(3, 4))


def test_a_module_may_bring_its_own_inputs(cpu: TargetSpec) -> None:
    network = load_network("tests.model.nets:with_own_inputs", cpu)
    assert network.inputs[0].shape == (3, 4)


def test_outputs_without_a_tensor(cpu: TargetSpec) -> None:
    module = nets.Wired(lambda _layers, x: (None, x.shape[0]))
    with pytest.raises(InputError, match=r"its outputs must be tensors: it returns none"):
        load_network(module, cpu, example_inputs=torch.randn(3, 4))


def test_random_numbers_are_told_before_anything_is_compiled(cpu: TargetSpec) -> None:
    module = nets.Wired(lambda _layers, x: nn.functional.dropout(x, 0.5, training=True))
    message = r"^Wired: the network's answers change from run to run: aten\.\w+ \("
    with pytest.raises(InputError, match=message):
        load_network(module, cpu, example_inputs=torch.randn(3, 4))
