"""Winograd's algorithm computes what the direct convolution does, whatever its knobs are."""

import json

import numpy as np
import pytest
import tvm

from dgtl_ray.core.algorithms import ALGORITHMS
from dgtl_ray.core.roles import IntArray
from dgtl_ray.core.task import LayerTask
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import ScheduleError, apply_schedule, read_design_space
from tests.space.conftest import DEVICES, TARGETS
from tests.space.contractions import arguments_of, convolution, exactly, run, task_of
from tests.space.programs import TASKS

pytestmark = pytest.mark.slow

CPU = TARGETS["cpu"]
# Largest error against the exact result's root mean square, for normally distributed numbers.
BOUNDS = {"winograd 2": 2e-5, "winograd 4": 2e-4}


def _only(space: DesignSpace, algorithm: str) -> DesignSpace:
    chosen = tuple(sketch for sketch in space.sketches if sketch.algorithm == algorithm)
    assert chosen
    return DesignSpace(kind="cpu", sketches=chosen, limits=space.limits)


def _algorithms(task: LayerTask, target: str = CPU) -> list[str]:
    return [s.algorithm for s in read_design_space(task, target, ("winograd",)).sketches]


@pytest.mark.parametrize("algorithm", BOUNDS)
@pytest.mark.parametrize(
    ("source", "outputs", "padding"),
    [
        ((1, 14, 14, 16), 32, (1, 1, 1, 1)),
        ((1, 13, 9, 8), 24, (1, 1, 1, 1)),
        ((2, 7, 7, 12), 20, (0, 0, 0, 0)),
        ((1, 10, 11, 16), 16, (2, 2, 2, 2)),
        ((1, 8, 8, 16), 16, (0, 1, 2, 0)),
        ((1, 5, 5, 4), 8, (1, 1, 1, 1)),
    ],
)
def test_it_is_the_convolution(
    algorithm: str,
    source: tuple[int, ...],
    outputs: int,
    padding: tuple[int, int, int, int],
) -> None:
    """Odd sizes, several images, uneven padding, channels that do not fill a machine's vectors."""
    task = convolution(source, outputs, padding=padding, residual=True)
    space = _only(read_design_space(task, CPU), algorithm)
    rng = np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    expected = np.maximum(exactly(arguments, padding=padding) + arguments[2] + arguments[3], 0)
    for row in space.sample(2, rng):
        found = run(task, CPU, space.schedule_of(row), arguments)
        error = np.abs(found - expected).max() / np.sqrt(np.mean(expected**2))
        assert error < BOUNDS[algorithm]


@pytest.mark.parametrize("algorithm", BOUNDS)
def test_its_error_is_bounded(algorithm: str) -> None:
    """Of deep layers, too, where most is summed."""
    task = convolution((1, 8, 8, 512), 64)
    space = _only(read_design_space(task, CPU), algorithm)
    rng = np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    expected = np.maximum(exactly(arguments, padding=(1, 1, 1, 1)) + arguments[2], 0)
    found = run(task, CPU, space.schedule_of(space.sample(1, rng)[0]), arguments)
    error = np.abs(found - expected).max() / np.sqrt(np.mean(expected**2))
    assert error < BOUNDS[algorithm]
    assert np.abs(found - expected).max() < BOUNDS[algorithm] / 5 * np.abs(expected).max()


@pytest.mark.parametrize("activation", ["none", "relu6", "silu"])
def test_what_follows_is_kept(activation: str) -> None:
    task = convolution((1, 9, 9, 8), 16, activation=activation)
    space = _only(read_design_space(task, CPU), "winograd 4")
    rng = np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    y = exactly(arguments, padding=(1, 1, 1, 1)) + arguments[2]
    expected = {"none": 2 * y, "relu6": np.clip(y, 0, 6), "silu": y / (1 + np.exp(-y))}
    found = run(task, CPU, space.schedule_of(space.sample(1, rng)[0]), arguments)
    np.testing.assert_allclose(found, expected[activation], rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("algorithm", BOUNDS)
def test_every_choice_of_every_knob_is_the_same_function(algorithm: str) -> None:
    task = convolution((1, 8, 8, 8), 32)
    space = _only(read_design_space(task, CPU), algorithm)
    rng = np.random.default_rng(0)
    arguments = arguments_of(task, rng)
    expected = np.maximum(exactly(arguments, padding=(1, 1, 1, 1)) + arguments[2], 0)
    base = space.sample(1, rng)[0]
    pool = space.sample(10_000, rng)
    seen: set[tuple[int, int]] = set()
    for row in [base, *pool]:
        choices = {(knob, int(choice)) for knob, choice in enumerate(row[1:])}
        if choices <= seen:
            continue
        seen |= choices
        found = run(task, CPU, space.schedule_of(row), arguments)
        error = np.abs(found - expected).max() / np.sqrt(np.mean(expected**2))
        assert error < BOUNDS[algorithm]
    assert len(seen) >= sum(int(n) for n in space.sketches[0].choices) * 0.8


@pytest.mark.parametrize("name", [name for name in TASKS if name != "conv2d"])
def test_other_tasks_are_left_out(name: str) -> None:
    task = TASKS[name]()
    program = tvm.ir.load_json(task.program)["main"]
    weights = [1] if len(program.params) > 2 else []
    marked = program.with_attr("layout_free_buffers", weights)
    text = tvm.ir.save_json(tvm.IRModule({"main": marked}))
    assert not any(_algorithms(LayerTask(**{**vars(task), "program": text})))


def test_what_does_not_fit_exactly_is_left_out() -> None:
    fits = convolution((1, 8, 8, 16), 16)
    assert _algorithms(fits) == ["winograd 2", "winograd 4"]
    assert not any(_algorithms(convolution((1, 8, 8, 16), 16, stride=2)))
    assert not any(_algorithms(convolution((1, 8, 8, 3), 16)))
    assert not any(_algorithms(convolution((1, 8, 8, 16), 16, kernel=5)))
    # The weights must be known to be some: others cannot be transformed beforehand.
    unmarked = tvm.ir.load_json(fits.program)["main"].without_attr("layout_free_buffers")
    program = tvm.ir.save_json(tvm.IRModule({"main": unmarked}))
    assert not any(_algorithms(LayerTask(**{**vars(fits), "program": program})))


@pytest.mark.parametrize("cores", [6, 12, 20, 24, 64])
@pytest.mark.parametrize(("side", "channels"), [(7, 512), (14, 256), (28, 128)])
def test_any_number_of_cores_has_it(side: int, channels: int, cores: int) -> None:
    target = json.dumps({**json.loads(CPU), "num-cores": cores})
    task = convolution((1, side, side, channels), channels)
    assert _algorithms(task, target) == ["winograd 2", "winograd 4"]


def test_the_choices_of_two_cores_stay() -> None:
    """Histories hold them."""
    target = json.dumps({"kind": "llvm", "mcpu": "skylake-avx512", "num-cores": 2})
    space = read_design_space(convolution((1, 14, 14, 256), 256), target, ("winograd",))
    sketch = space.sketches[1]
    assert sketch.choices.tolist() == [8, 6, 3]
    assert sketch.register_limits.least_parts == 2


def test_where_none_of_ours_works_tvms_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def why_not(space: DesignSpace, index: int, *_: object) -> str:
        return "too narrow" if space.sketches[index].algorithm else ""

    monkeypatch.setattr("dgtl_ray.space.sketches.read._why_not", why_not)
    sketches = _algorithms(convolution((1, 8, 8, 16), 16))
    assert sketches
    assert not any(sketches)


def test_padding_with_anything_but_zeros_is_left_out() -> None:
    from tvm import te, topi

    x = te.placeholder((1, 8, 8, 16), "float32", name="x")
    w = te.placeholder((3, 3, 16, 16), "float32", name="w")
    for value, expected in ((0.0, True), (1.0, False)):
        padded = topi.nn.pad(x, (0, 1, 1, 0), (0, 1, 1, 0), value)
        y = topi.nn.conv2d(padded, w, 1, 0, 1, data_layout="NHWC", kernel_layout="HWIO")
        assert any(_algorithms(task_of([x, w, topi.nn.relu(y)], weight=1))) is expected


def test_a_gpu_has_its_own_sketches_only() -> None:
    task = convolution((1, 8, 8, 16), 16)
    sketches = read_design_space(task, TARGETS["cuda"]).sketches
    assert sketches
    assert not any(sketch.algorithm for sketch in sketches)


def test_a_configuration_tells_its_algorithm() -> None:
    task = convolution((1, 14, 14, 16), 32)
    space, alone = (
        read_design_space(task, CPU, names) for names in (("direct", "winograd"), ("winograd",))
    )
    rng = np.random.default_rng(0)
    own = np.array([bool(s.algorithm) for s in space.sketches])
    rows = [row for row in space.sample(60, rng) if own[row[0]]]
    for row in rows:
        config = space.config_of(row)
        assert json.loads(config)["algorithm"] == space.sketches[row[0]].algorithm
        assert (space.row_of(config) == row).all()
        # Its number is no part of its name: with fewer sketches it means the same.
        assert alone.schedule_of(alone.row_of(config)) == space.schedule_of(row)
        assert alone.holds("another space", config)
    copy = DesignSpace.from_json(space.to_json())
    pool = np.array(rows)
    assert (copy.feasible(pool)).all()
    device = DEVICES["cpu"]
    np.testing.assert_array_equal(copy.encode(pool, device), space.encode(pool, device))


def test_what_was_recorded_before_there_were_algorithms_still_holds() -> None:
    task = convolution((1, 14, 14, 16), 32)
    now, before = (read_design_space(task, CPU, names) for names in (ALGORITHMS, ("direct",)))
    config = before.config_of(before.sample(1, np.random.default_rng(0))[0])
    assert now.holds(before.key, config)
    assert now.holds(before.key, "")
    assert now.schedule_of(now.row_of(config)) == before.schedule_of(before.row_of(config))
    own = now.config_of(_rows_of(now, "winograd 4")[0])
    assert not before.holds(now.key, own)
    assert not now.holds("another space", config)


def _rows_of(space: DesignSpace, algorithm: str) -> list[IntArray]:
    pool = space.sample(60, np.random.default_rng(0))
    return [row for row in pool if space.sketches[row[0]].algorithm == algorithm]


def test_the_encoding_tells_the_algorithm_and_the_same_task() -> None:
    task = convolution((1, 14, 14, 16), 32)
    space = read_design_space(task, CPU)
    pool = space.sample(200, np.random.default_rng(0))
    features = dict(zip(space.columns, space.encode(pool, DEVICES["cpu"]).T, strict=True))
    names = np.array([space.sketches[row[0]].algorithm for row in pool])
    for name in ("winograd 2", "winograd 4"):
        np.testing.assert_array_equal(features[f"algorithm {name}"], names == name)
    for column in ("log2 flop", "log2 roofline seconds", "log2 window"):
        assert len(np.unique(features[column][names != ""])) == 1
        assert np.isin(features[column][names != ""], features[column][names == ""]).all()


def test_mutations_and_children_stay_feasible() -> None:
    task = convolution((1, 14, 14, 16), 32)
    space = read_design_space(task, CPU, ("winograd",))
    rng = np.random.default_rng(0)
    pool = space.sample(100, rng)
    moved = space.mutate(pool, rng)
    assert space.feasible(moved).all()
    assert (moved != pool).any(axis=1).mean() > 0.5
    assert space.feasible(space.crossover(pool, pool[::-1].copy(), rng)).all()


def test_a_schedule_of_another_task_is_refused() -> None:
    space = read_design_space(convolution((1, 14, 14, 16), 32), CPU, ("winograd",))
    schedule = space.schedule_of(space.sample(1, np.random.default_rng(0))[0])
    with pytest.raises(ScheduleError, match="Winograd"):
        apply_schedule(convolution((1, 14, 14, 16), 32, stride=2).program, CPU, schedule)
