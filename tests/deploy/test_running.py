"""What goes into a module and what comes out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.dlpack import from_dlpack

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.deploy import ModuleMetadata, TunedModule, compile_network, load, save_module
from dgtl_ray.deploy.command import run_module
from dgtl_ray.deploy.server import random_inputs
from dgtl_ray.model import Network, TargetSpec, load_network


@pytest.fixture
def module(saved: Path) -> TunedModule:
    return load(saved)


def test_torch_tensors_in_and_out(module: TunedModule, network: Network) -> None:
    arrays = network.example_inputs()
    expected = module(*arrays)
    outputs = module.run(*map(torch.from_numpy, arrays))
    for output, array in zip(outputs, expected, strict=True):
        torch.testing.assert_close(from_dlpack(output), torch.from_numpy(array))


def test_an_aligned_tensor_is_used_in_place(module: TunedModule, network: Network) -> None:
    image, bias = map(torch.from_numpy, network.example_inputs())
    image = image.clone()  # torch's own memory is aligned
    prepared = module.runner.prepare(image, bias)
    image.zero_()
    assert not prepared[0].numpy().any()


class Produced:
    """A tensor that notes how it is asked for; it says that it is on a device of some kind."""

    def __init__(self, tensor: torch.Tensor, kind: int) -> None:
        self.asked: list[dict[str, Any]] = []
        self._tensor = tensor
        self._kind = kind

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._kind, 0

    def __dlpack__(self, **options: Any) -> Any:
        self.asked.append(options)
        return self._tensor.__dlpack__()


@pytest.mark.parametrize(("kind", "asked"), [(1, [{}]), (2, [{"stream": 1}, {}])])
def test_what_a_gpu_still_computes_is_waited_for(
    module: TunedModule, network: Network, kind: int, asked: list[dict[str, Any]]
) -> None:
    image, bias = network.example_inputs()
    produced = Produced(torch.from_numpy(image).clone(), kind)
    np.testing.assert_array_equal(module(produced, bias)[0], module(image, bias)[0])
    assert produced.asked == asked


def test_outputs_are_ready_when_they_are_handed_out(
    module: TunedModule, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[bool] = []
    monkeypatch.setattr(module.runner, "synchronize", lambda: waited.append(True))
    module.run(*network.example_inputs())
    assert waited == [True]


def test_strided_inputs_are_copied(module: TunedModule, network: Network) -> None:
    image, bias = network.example_inputs()
    expected = module(image, bias)[0]
    flipped = np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    np.testing.assert_array_equal(module(flipped, bias)[0], expected)
    last = torch.from_numpy(image).to(memory_format=torch.channels_last)
    np.testing.assert_array_equal(module(last, bias)[0], expected)


def test_outputs_are_the_callers_own(module: TunedModule, network: Network) -> None:
    image, bias = network.example_inputs()
    first = module(image, bias)[0]
    kept = first.copy()
    module(np.zeros_like(image), bias)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), r"0 inputs for 2: expected .*image: float32 1×3×32×32"),
        (
            (np.zeros((1, 3, 32, 31), "float32"), np.zeros((1, 10), "float32")),
            "expected input image: float32 1×3×32×32, got float32 1×3×32×31",
        ),
        (
            (np.zeros((1, 3, 32, 32)), np.zeros((1, 10), "float32")),
            "expected input image: float32 1×3×32×32, got float64",
        ),
        (([[0.0]], np.zeros((1, 10), "float32")), "input image is a list"),
        ((np.array(["a"]), np.zeros((1, 10), "float32")), "input image has dtype <U1"),
        (
            (torch.zeros(1, 3, 32, 64, dtype=torch.bfloat16)[..., ::2], torch.zeros(1, 10)),
            "input image cannot be taken over by DLPack",
        ),
    ],
)
def test_wrong_inputs_are_named(module: TunedModule, inputs: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        module(*inputs)


def test_a_float_that_looks_rows_up_finds_the_first() -> None:
    specs = (TensorSpec(shape=(1000,), dtype="float32"), TensorSpec(shape=(), dtype="float32"))
    for array in random_inputs(specs):
        assert isinstance(array, np.ndarray)
        assert not array.astype(np.int64).any()


def test_what_may_be_an_index_is_zero_where_no_input_is_given(
    target: TargetSpec, describe: Callable[..., ModuleMetadata], tmp_path: Path
) -> None:
    # An index that is not one of these four would be read from somewhere else in memory.
    module = nn.Sequential(nn.Embedding(4, 8), nn.Linear(8, 3))
    indices = torch.zeros(1, 16, dtype=torch.int64)
    network = load_network(module, target, example_inputs=indices)
    metadata = describe(input_names=network.input_names, inputs=network.inputs)
    save_module(compile_network(network, {}, target), tmp_path / "module", metadata)
    run_module(str(tmp_path), [], tmp_path / "answer.npy")
    with torch.no_grad():
        expected = module(indices).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), expected, atol=1e-5)
