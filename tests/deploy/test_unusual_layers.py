"""Layers that are unlike convolutions: tuned, or told to be untunable, and right."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgtl_ray.deploy import compile_network, compile_skeleton, verify
from dgtl_ray.model import TargetSpec, load_network
from dgtl_ray.space.sketches import read_design_space


class Behind(nn.Module):
    """A dense layer, and what a function makes of it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 8)
        self._function = function

    def forward(self, x: Tensor, *more: Tensor) -> Any:
        return self._function(self.dense(x), x, *more)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a network computes behind a dense layer, and which layers cannot be tuned."""

    function: Callable[..., Any]
    untunable: tuple[str, ...] = ()


def _assign(y: Tensor, x: Tensor) -> Tensor:
    changed = y.clone()
    changed[1] = x[0]
    return changed


def _demodulate(y: Tensor, x: Tensor) -> Tensor:
    weights = y[None] * x[:, None]
    return weights * torch.rsqrt((weights * weights).sum((1, 2), keepdim=True) + 1e-8)


_ORDER = torch.tensor([[7, 6, 5, 4, 3, 2, 1, 0]] * 4)

CASES = {
    "variance": Case(function=lambda y, _x: (y.var(-1), y.std(0))),
    "demodulated": Case(function=_demodulate),
    "all axes": Case(function=lambda y, _x: (y.sum(), y.max(), (y * y).mean())),
    "one element": Case(function=lambda y, _x: torch.sigmoid(y.sum()) + 1),
    "softmax of all": Case(function=lambda y, _x: y.flatten().softmax(0)),
    "scatter": Case(
        function=lambda y, x: torch.relu(torch.scatter(y, 1, _ORDER, x)),
        untunable=("scatter_elements",),
    ),
    "assignment": Case(function=_assign),
    "sorted": Case(function=lambda y, _x: (torch.sort(y, -1)[0], y.topk(3)[0], y.cumsum(-1))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_unusual_layers_are_right(name: str, target: TargetSpec) -> None:
    case = CASES[name]
    torch.manual_seed(0)
    network = load_network(
        Behind(case.function).eval(), target, example_inputs=(torch.randn(4, 8),)
    )
    schedules, untunable = {}, []
    for task in network.tasks:
        space = read_design_space(task, target.json)
        if space.untunable:
            untunable.append(task.name)
        for row in space.sample(1, np.random.default_rng(0)):
            schedules[task.workload_key] = space.schedule_of(row)
    assert set(case.untunable) <= set(untunable)
    assert len(schedules) == len(network.tasks) - len(untunable)
    assert verify(compile_network(network, schedules, target), network).ok
    skeleton = compile_skeleton(network, target)
    assert {site.layer for site in skeleton.sites} == set(range(len(network.tasks)))


@pytest.mark.parametrize("module", [nn.Identity(), nn.Flatten()])
def test_a_network_that_computes_nothing(module: nn.Module, target: TargetSpec) -> None:
    network = load_network(module, target, example_inputs=(torch.randn(2, 3, 4),))
    assert verify(compile_network(network, {}, target), network).max_relative_error == 0.0
