"""One small network, compiled and saved once for all tests of the room."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dgtl_ray.deploy import CompiledNetwork, ModuleMetadata, compile_network, save_module
from dgtl_ray.model import Network, TargetSpec, load_network, parse_target


class SmallNet(nn.Module):
    """A little of everything; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and the features that they came from."""
        x = torch.relu(self.norm(self.stem(image)))
        features = self.pool(torch.relu(self.depthwise(x))).mean((2, 3))
        return self.head(features) + bias, features


def small_network(target: TargetSpec, seed: int = 0) -> Network:
    """A network with weights of its own."""
    torch.manual_seed(seed)
    inputs = (torch.randn(1, 3, 32, 32), torch.randn(1, 10))
    return load_network(SmallNet().eval(), target, example_inputs=inputs)


@pytest.fixture(scope="session")
def target() -> TargetSpec:
    return parse_target("cpu")


@pytest.fixture(scope="session")
def network(target: TargetSpec) -> Network:
    return small_network(target)


@pytest.fixture(scope="session")
def compiled(network: Network, target: TargetSpec) -> CompiledNetwork:
    return compile_network(network, {}, target)


@pytest.fixture(scope="session")
def describe(network: Network, target: TargetSpec) -> Callable[..., ModuleMetadata]:
    """Metadata of the small network, with whatever a test wants to differ."""

    def metadata(**changes: Any) -> ModuleMetadata:
        values: dict[str, Any] = {
            "network": network.name,
            "network_hash": network.network_hash,
            "target": target.json,
            "device_key": "cpu/test/2",
            "device": {"name": "test", "cores": 2},
            "toolchain": {"tvm": "0"},
            "input_names": network.input_names,
            "inputs": network.inputs,
            "history": ("run-1", "run-2"),
        }
        return ModuleMetadata(**{**values, **changes})

    return metadata


@pytest.fixture
def saved(
    compiled: CompiledNetwork, describe: Callable[..., ModuleMetadata], tmp_path: Path
) -> Path:
    """A saved module that a test may damage."""
    directory = tmp_path / "module"
    save_module(compiled, directory, describe())
    return directory
