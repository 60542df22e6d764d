"""Weights prepared when a network is compiled: stored that way, read that way."""

from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
import tvm
from torch import nn

from dgtl_ray.deploy import (
    ModuleMetadata,
    compile_network,
    compile_untuned,
    load,
    save_module,
    verify,
)
from dgtl_ray.deploy.layout import WEIGHTS
from dgtl_ray.measure.preparing import Preparer
from dgtl_ray.model import Network, TargetSpec, load_network
from dgtl_ray.space.sketches import Preparation, apply_schedule, read_design_space


class Shared(nn.Module):
    """One weight in three layers: twice in one task, once in another, of a smaller image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.pointwise = nn.Conv2d(16, 24, 1)
        self.head = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        x = torch.relu(self.conv(torch.relu(self.conv(x))))
        x = nn.functional.max_pool2d(x, 2)
        x = torch.relu(self.conv(x))
        x = torch.relu(self.pointwise(torch.relu(self.depthwise(x))))
        logits: torch.Tensor = self.head(x.mean((2, 3)))
        return logits


@pytest.fixture(scope="module")
def shared(target: TargetSpec) -> Network:
    torch.manual_seed(0)
    return load_network(Shared().eval(), target, example_inputs=(torch.randn(1, 16, 12, 12),))


@pytest.fixture(scope="module")
def schedules(shared: Network, target: TargetSpec) -> dict[str, str]:
    """A schedule for each layer that moves its weight's elements and leaves their number.

    No two have the same shape.
    """
    chosen: dict[str, str] = {}
    shapes: set[tuple[int, ...]] = set()
    for task in shared.tasks:
        space = read_design_space(task, target.json)
        for row in space.sample(60, np.random.default_rng(3)):
            schedule = space.schedule_of(row)
            scheduled = apply_schedule(task.program, target.json, schedule)
            packed = {scheduled.args[p.parameter].shape for p in scheduled.preparations}
            if any(
                prod(scheduled.args[p.parameter].shape) != prod(p.weight.shape)
                for p in scheduled.preparations
            ):
                continue  # Winograd's weights are more numbers
            if not packed & shapes and all(map(_moves, scheduled.preparations)):
                chosen[task.workload_key] = schedule
                shapes |= packed
                break
    return chosen


def _moves(preparation: Preparation) -> bool:
    """Whether some element gets another place."""
    elements = np.arange(prod(preparation.weight.shape), dtype=np.float32)
    weight = tvm.runtime.tensor(elements.reshape(preparation.weight.shape))
    prepared = Preparer([preparation.function]).prepare(0, weight)
    return not np.array_equal(prepared.ravel(), elements)


@pytest.fixture(scope="module")
def saved(
    shared: Network,
    schedules: dict[str, str],
    target: TargetSpec,
    describe: Callable[..., ModuleMetadata],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    directory = tmp_path_factory.mktemp("prepared") / "module"
    metadata = describe(input_names=shared.input_names, inputs=shared.inputs)
    save_module(compile_network(shared, schedules, target), directory, metadata)
    return directory


def test_the_answers_are_the_networks_own(
    shared: Network, schedules: dict[str, str], target: TargetSpec, saved: Path
) -> None:
    assert len(schedules) == len(shared.tasks)
    assert verify(compile_network(shared, schedules, target), shared).ok
    assert verify(load(saved), shared).ok


def test_a_weight_is_stored_once_for_each_form_in_which_it_is_read(
    shared: Network, schedules: dict[str, str], target: TargetSpec
) -> None:
    def shapes(of: dict[str, str]) -> list[tuple[int, ...]]:
        weights = compile_network(shared, of, target).weights
        return [array.shape for array in weights if array.size == 16 * 16 * 9]

    assert len(set(shapes(schedules))) == len(shapes(schedules)) == 2
    untuned = compile_untuned(shared, target).weights
    assert [array.shape for array in untuned if array.size == 16 * 16 * 9] == [(3, 3, 16, 16)]


def test_the_file_holds_no_weight_as_the_network_has_it(
    shared: Network, target: TargetSpec, saved: Path
) -> None:
    stored = (saved / WEIGHTS).read_bytes()
    weights = compile_untuned(shared, target).weights
    own = [array for array in weights if sum(extent > 1 for extent in array.shape) > 1]
    assert len(own) == 4
    assert not [array.shape for array in own if array.tobytes() in stored]
    assert (saved / WEIGHTS).stat().st_size < 2 * (2 * 16 * 16 * 9 + 2000) * 4


def test_weights_are_prepared_anew_each_time(
    shared: Network, schedules: dict[str, str], target: TargetSpec
) -> None:
    weights = compile_network(shared, schedules, target).weights
    first, second = list(weights), list(weights)
    assert len(first) == len(weights)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
