"""Which arguments of a layer are weights."""

import json

import pytest
import torch
import tvm
from torch import nn

from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import Network, load_network, parse_target

CUDA = json.dumps(
    {
        "kind": "cuda",
        "arch": "sm_90",
        "max_threads_per_block": 1024,
        "max_shared_memory_per_block": 49152,
        "thread_warp_size": 32,
        "registers_per_block": 65536,
    }
)


class Convolutions(nn.Module):
    """Two alike, with weights of their own, and a bias each."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both."""
        return torch.relu(self.second(torch.relu(self.first(x))))


class Products(nn.Module):
    """The same product, first with a weight, then with what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(x·W)·x."""
        return torch.matmul(torch.matmul(x, self.weight), x)


def loaded(module: nn.Module, shape: tuple[int, ...], target: str = "cpu") -> Network:
    return load_network(module.eval(), parse_target(target), example_inputs=(torch.randn(shape),))


def weights_of(task: LayerTask) -> list[int]:
    attributes = tvm.ir.load_json(task.program)["main"].attrs
    return [int(k) for k in attributes.get("layout_free_buffers", [])]


def test_a_weight_that_every_call_brings_is_one() -> None:
    network = loaded(Convolutions(), (1, 8, 12, 12))
    (task,) = (task for task in network.tasks if task.operator == "conv2d")
    assert task.weight == 2
    assert weights_of(task) == [1]


def test_what_is_computed_in_one_call_is_none() -> None:
    network = loaded(Products(), (16, 16))
    (task,) = (task for task in network.tasks if task.operator == "dense")
    assert task.weight == 2
    assert weights_of(task) == []


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v1"])
def test_every_convolution_of_a_network_has_one(name: str) -> None:
    network = load_network(name, parse_target("cpu"))
    found = {t.name: weights_of(t) for t in network.tasks if t.operator.endswith(("conv2d", "se"))}
    assert set(map(tuple, found.values())) == {(1,)}


def test_a_gpu_has_its_weights_as_they_are() -> None:
    network = loaded(Convolutions(), (1, 8, 12, 12), CUDA)
    assert [weights_of(task) for task in network.tasks] == [[]] * len(network.tasks)
