"""Products with packed weights compute what the program does, whatever their knobs are."""

import numpy as np
import pytest
from tvm import te, topi

from dgtl_ray.core.task import LayerTask
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import ScheduleError, apply_schedule, read_design_space
from tests.space.conftest import TARGETS
from tests.space.contractions import arguments_of, convolution, exactly, run, task_of

CPU = TARGETS["cpu"]
# Largest error against the exact result's root mean square, for normally distributed numbers.
BOUND = 2e-5


def dense(*rows: int, steps: int, channels: int, transposed: bool = False) -> LayerTask:
    """rows · steps times a matrix, with a bias."""
    shape = (channels, steps) if transposed else (steps, channels)
    x = te.placeholder((*rows, steps), "float32", name="x")
    w = te.placeholder(shape, "float32", name="w")
    bias = te.placeholder((channels,), "float32", name="bias")
    y = topi.matmul(x, w, transp_b=transposed) if len(rows) == 1 else _rows_times(x, w)
    return task_of([x, w, bias, topi.nn.relu(topi.add(y, bias))], weight=1)


def _rows_times(x: te.Tensor, w: te.Tensor) -> te.Tensor:
    step = te.reduce_axis((0, w.shape[0]), name="step")
    shape = (*x.shape[:-1], w.shape[1])
    return te.compute(shape, lambda *i: te.sum(x(*i[:-1], step) * w[step, i[-1]], axis=step))


def _space(task: LayerTask) -> DesignSpace:
    space = read_design_space(task, CPU, ("matmul",))
    assert [sketch.algorithm for sketch in space.sketches] == ["matmul"]
    return space


@pytest.mark.parametrize(
    ("rows", "steps", "channels", "transposed"),
    [
        ((1,), 64, 40, False),
        ((1,), 64, 40, True),
        ((33,), 24, 48, False),
        ((33,), 24, 48, True),
        ((2, 17), 20, 32, False),
        ((7,), 7, 1000, False),
    ],
)
def test_it_is_the_product(
    rows: tuple[int, ...], steps: int, channels: int, transposed: bool
) -> None:
    task = dense(*rows, steps=steps, channels=channels, transposed=transposed)
    space, rng = _space(task), np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    x, w, bias = (array.astype(np.float64) for array in arguments)
    expected = np.maximum(x @ (w.T if transposed else w) + bias, 0)
    for row in space.sample(3, rng):
        found = run(task, CPU, space.schedule_of(row), arguments)
        assert np.abs(found - expected).max() < BOUND * np.sqrt(np.mean(expected**2))


@pytest.mark.parametrize(("stride", "size"), [(1, (13, 9)), (2, (14, 11)), (3, (10, 10))])
def test_it_is_a_convolution_of_single_pixels(stride: int, size: tuple[int, int]) -> None:
    task = convolution((2, *size, 12), 24, kernel=1, padding=0, stride=stride, residual=True)
    space, rng = _space(task), np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    product = exactly(arguments, padding=(0, 0, 0, 0), stride=stride)
    expected = np.maximum(product + arguments[2] + arguments[3], 0)
    for row in space.sample(3, rng):
        found = run(task, CPU, space.schedule_of(row), arguments)
        assert np.abs(found - expected).max() < BOUND * np.sqrt(np.mean(expected**2))


def test_every_choice_of_every_knob_is_the_same_function() -> None:
    task = dense(24, steps=16, channels=96)
    space, rng = _space(task), np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    x, w, bias = (array.astype(np.float64) for array in arguments)
    expected = np.maximum(x @ w + bias, 0)
    seen: set[tuple[int, int]] = set()
    for row in space.sample(10_000, rng):
        choices = {(knob, int(choice)) for knob, choice in enumerate(row[1:])}
        if not choices <= seen:
            seen |= choices
            found = run(task, CPU, space.schedule_of(row), arguments)
            assert np.abs(found - expected).max() < BOUND * np.sqrt(np.mean(expected**2))
    assert len(seen) >= 0.8 * sum(map(int, space.sketches[0].choices))


def test_a_configuration_survives_its_text() -> None:
    space = _space(dense(33, steps=24, channels=48))
    for row in space.sample(20, np.random.default_rng(0)):
        assert (space.row_of(space.config_of(row)) == row).all()


def test_what_is_no_such_product_is_left_out() -> None:
    def algorithms(task: LayerTask) -> set[str]:
        names = ("direct", "matmul")
        return {sketch.algorithm for sketch in read_design_space(task, CPU, names).sketches}

    assert "matmul" in algorithms(convolution((1, 8, 8, 16), 16, kernel=1, padding=0))
    assert "matmul" not in algorithms(convolution((1, 8, 8, 16), 16, kernel=1, padding=1))
    assert "matmul" not in algorithms(convolution((1, 8, 8, 16), 16))
    assert "matmul" not in algorithms(dense(4, steps=8, channels=9))


def test_weights_that_are_read_in_two_ways_are_left_alone() -> None:
    x, w = (te.placeholder((8, 8), "float32", name=name) for name in "xw")
    task = task_of([x, w, topi.add(topi.matmul(x, w), w)], weight=1)
    assert not any(s.algorithm for s in read_design_space(task, CPU).sketches)


def test_a_schedule_of_another_task_is_refused() -> None:
    space = _space(dense(33, steps=24, channels=48))
    schedule = space.schedule_of(space.sample(1, np.random.default_rng(0))[0])
    with pytest.raises(ScheduleError, match="weight matrix"):
        apply_schedule(convolution((1, 8, 8, 16), 16).program, CPU, schedule)
