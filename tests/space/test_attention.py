"""Attention is found in networks, and its loop nest computes what they do, whatever its knobs."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import load_network
from dgtl_ray.model.target import TargetSpec
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import ScheduleError, apply_schedule, read_design_space
from tests.space.conftest import TARGETS
from tests.space.contractions import arguments_of, convolution, run

CPU = TARGETS["cpu"]
# Largest error against the exact result's root mean square, for normally distributed numbers.
BOUND = 2e-5


class Attention(nn.Module):
    """softmax(scale · q kᵀ + bias) v of (N, tokens, 3 · heads · width), heads dealt out."""

    def __init__(self, heads: int, *, merged: bool = True) -> None:
        super().__init__()
        self._heads, self._merged = heads, merged

    def forward(self, x: Tensor, *bias: Tensor) -> Tensor:
        """The heads of a token side by side if `merged`, else one head after the other."""
        batch, tokens, width = x.shape
        parts = x.reshape(batch, tokens, 3, self._heads, width // 3 // self._heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * 0.3
        if bias:
            scores = scores + bias[0]
        mixed = torch.softmax(scores, -1) @ v
        side_by_side = mixed.transpose(1, 2).reshape(batch, tokens, width // 3)
        result: Tensor = side_by_side if self._merged else mixed
        return result


def attention(
    *shape: int, heads: int = 2, merged: bool = True, bias: tuple[int, ...] = ()
) -> tuple[LayerTask, Attention]:
    """The one layer of such a network, and the network."""
    module = Attention(heads, merged=merged)
    inputs = (torch.zeros(shape), *([torch.zeros(bias)] if bias else []))
    network = load_network(module, TargetSpec(kind="cpu", json=CPU), example_inputs=inputs)
    (task,) = network.tasks
    assert task.operator == "attention"
    return task, module


def _space(task: LayerTask) -> DesignSpace:
    space = read_design_space(task, CPU, ("attention",))
    assert [sketch.algorithm for sketch in space.sketches] == ["attention"]
    return space


@pytest.mark.parametrize(
    ("shape", "heads", "merged", "bias"),
    [
        ((1, 37, 48), 2, True, ()),
        ((2, 16, 48), 2, False, ()),
        ((1, 9, 72), 3, True, ()),
        ((2, 21, 48), 2, True, (2, 1, 1, 21)),
        ((1, 5, 24), 2, False, (5, 5)),
    ],
)
def test_it_is_attention(
    shape: tuple[int, ...], heads: int, merged: bool, bias: tuple[int, ...]
) -> None:
    task, module = attention(*shape, heads=heads, merged=merged, bias=bias)
    space, rng = _space(task), np.random.default_rng(0)
    arguments = [3 * array for array in arguments_of(task, rng)]
    with torch.no_grad():
        expected = module(*(torch.from_numpy(array).double() for array in arguments)).numpy()
    for row in space.sample(3, rng):
        found = run(task, CPU, space.schedule_of(row), arguments)
        assert np.abs(found - expected).max() < BOUND * np.sqrt(np.mean(expected**2))


class ViewedScores(nn.Module):
    """softmax(q kᵀ + mask) v, the mask added to scores of another shape than the products'."""

    def __init__(self, view: tuple[int, ...]) -> None:
        super().__init__()
        self._view = view

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """The weighted means, in the shape of the products."""
        scores = q @ k.transpose(-1, -2)
        seen = (scores.view(self._view) + mask).view(scores.shape)
        return torch.softmax(seen, -1) @ v


@pytest.mark.parametrize(
    ("heads", "view", "mask"),
    [
        # Examples and heads in one, and a mask for each example.
        ((4,), (2, 2, 9, 9), (2, 1, 1, 9)),
        # Windows of an image as examples, and a mask for each window.
        ((4, 2), (2, 2, 2, 9, 9), (1, 2, 1, 9, 9)),
    ],
)
def test_a_mask_of_scores_of_another_shape(
    heads: tuple[int, ...], view: tuple[int, ...], mask: tuple[int, ...]
) -> None:
    module, operands = ViewedScores(view), [torch.zeros(*heads, 9, 8) for _ in range(3)]
    inputs = (*operands, torch.zeros(mask))
    network = load_network(module, TargetSpec(kind="cpu", json=CPU), example_inputs=inputs)
    (task,) = [task for task in network.tasks if task.operator == "attention"]
    space, rng = _space(task), np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    with torch.no_grad():
        expected = module(*(torch.from_numpy(array).double() for array in arguments)).numpy()
    found = run(task, CPU, space.schedule_of(space.sample(1, rng)[0]), arguments)
    error = np.abs(found.reshape(expected.shape) - expected).max()
    assert error < BOUND * np.sqrt(np.mean(expected**2))


@pytest.mark.parametrize("tokens", [16, 21])
def test_a_query_may_have_all_its_keys_masked(tokens: int) -> None:
    task, module = attention(1, tokens, 48, bias=(tokens, tokens))
    space, rng = _space(task), np.random.default_rng(0)
    x, bias = arguments_of(task, rng)
    lowest = np.finfo(np.float32).min
    # All of the scores become that number, whose softmax is even.
    bias[0] = lowest
    bias[1, :-3] = lowest
    # Of the first vectors nothing is left; then of none of them.
    bias[2, :-3] = -np.inf
    bias[3] = -np.inf
    with torch.no_grad():
        # As float64, scores beside the lowest float32 would still differ.
        expected = module(torch.from_numpy(x), torch.from_numpy(bias)).numpy()
    assert np.isnan(expected).sum() == expected[0, 3].size
    bound = BOUND * np.sqrt(np.nanmean(expected**2))
    for row in space.sample(3, rng):
        found = run(task, CPU, space.schedule_of(row), [x, bias])
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def test_every_choice_of_every_knob_is_the_same_function() -> None:
    task, module = attention(1, 35, 96)
    space, rng = _space(task), np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    with torch.no_grad():
        expected = module(*(torch.from_numpy(array).double() for array in arguments)).numpy()
    seen: set[tuple[int, int]] = set()
    for row in space.sample(10_000, rng):
        choices = {(knob, int(choice)) for knob, choice in enumerate(row[1:])}
        if not choices <= seen:
            seen |= choices
            found = run(task, CPU, space.schedule_of(row), arguments)
            assert np.abs(found - expected).max() < BOUND * np.sqrt(np.mean(expected**2))
    assert len(seen) >= 0.8 * sum(map(int, space.sketches[0].choices))


def test_scores_beyond_what_exp_can_take() -> None:
    task, module = attention(1, 20, 48)
    space, rng = _space(task), np.random.default_rng(0)
    arguments = [30 * array for array in arguments_of(task, rng)]
    with torch.no_grad():
        expected = module(*(torch.from_numpy(array).double() for array in arguments)).numpy()
    found = run(task, CPU, space.schedule_of(space.sample(1, rng)[0]), arguments)
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


def test_a_configuration_survives_its_text() -> None:
    space = _space(attention(1, 37, 48)[0])
    for row in space.sample(20, np.random.default_rng(0)):
        assert (space.row_of(space.config_of(row)) == row).all()


def test_tvm_is_not_asked_for_the_sketches_of_two_products_at_once() -> None:
    task = attention(1, 37, 48)[0]
    everything = read_design_space(task, CPU)
    assert [sketch.algorithm for sketch in everything.sketches] == ["attention"]
    assert read_design_space(task, CPU, ("direct",)).size == 0


def test_a_schedule_of_another_task_is_refused() -> None:
    space = _space(attention(1, 37, 48)[0])
    schedule = space.schedule_of(space.sample(1, np.random.default_rng(0))[0])
    with pytest.raises(ScheduleError, match="attention"):
        apply_schedule(convolution((1, 8, 8, 16), 16).program, CPU, schedule)
