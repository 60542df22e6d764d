"""What TVM makes of the configurations: the constraints are its own, neither looser nor tighter."""

import json

import numpy as np
import pytest
import tvm
import tvm_ffi

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import UNTUNED, IntArray
from dgtl_ray.core.task import LayerTask
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.cuda_rules import shared_bytes
from dgtl_ray.space.knobs import KnobKind
from dgtl_ray.space.sketches import ScheduleError, apply_schedule, read_design_space
from dgtl_ray.space.sketches.replay import replay
from dgtl_ray.space.sketches.trace import SketchTrace
from dgtl_ray.space.tiling import Tiling
from tests.space.conftest import CUDA_ATTRIBUTES, TARGETS, SpaceOf
from tests.space.programs import TASKS

Tasks = dict[str, LayerTask]


@pytest.mark.parametrize("name", ["conv2d", "strided_conv2d", "depthwise_conv2d", "dense"])
def test_cuda_samples_pass_the_gpu_verifier(name: str, tasks: Tasks, space_of: SpaceOf) -> None:
    pool = space_of(name, "cuda").sample(30, np.random.default_rng(0))
    passed = _accepted(tasks[name], space_of(name, "cuda"), pool)
    assert passed.mean() >= 0.95


def test_the_gpu_verifier_rejects_what_exceeds_shared_memory(
    tasks: Tasks, space_of: SpaceOf
) -> None:
    """The bytes counted from the tiles are the bytes that TVM allocates, pipelines included."""
    space = space_of("conv2d", "cuda")
    pool = space.sample(3_000, np.random.default_rng(0))
    used = np.array([_shared_bytes(space, row) for row in pool])
    for sketch in range(len(space.sketches)):
        own = np.flatnonzero(pool[:, 0] == sketch)
        row = pool[own[used[own].argmax()]]
        bytes_used = _shared_bytes(space, row)
        for limit, accepted in ((bytes_used, True), (bytes_used - 4, False)):
            target = json.dumps({**CUDA_ATTRIBUTES, "max_shared_memory_per_block": limit})
            assert _applies(tasks["conv2d"], target, space.schedule_of(row)) is accepted


def test_uniform_draws_mostly_fail(tasks: Tasks, space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cuda")
    rng = np.random.default_rng(0)
    pool = np.zeros((20, space.width), dtype=np.int32)
    pool[:, 1:] = rng.integers(0, space.sketches[0].choices, size=(20, space.width - 1))
    passed = _accepted(tasks["conv2d"], space, pool)
    assert passed.mean() < 0.5
    assert not (space.feasible(pool) & ~passed).any()


@pytest.mark.parametrize("name", [name for name in TASKS if name != "softmax"])
def test_cpu_samples_replay(name: str, tasks: Tasks, space_of: SpaceOf) -> None:
    space = space_of(name, "cpu")
    pool = space.sample(20, np.random.default_rng(0))
    assert _accepted(tasks[name], space, pool).all()


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d", "dense"])
def test_cpu_samples_build_and_run(name: str, tasks: Tasks, space_of: SpaceOf) -> None:
    space, task = space_of(name, "cpu"), tasks[name]
    rng = np.random.default_rng(0)
    shapes = [tuple(int(n) for n in p.shape) for p in _main(task).params]
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in shapes[:-1]]
    outputs = []
    for schedule in (UNTUNED, "", *(space.schedule_of(row) for row in space.sample(2, rng))):
        module = apply_schedule(task.program, TARGETS["cpu"], schedule).module
        out = tvm.runtime.empty(shapes[-1], "float32")
        built = tvm.compile(module, target=tvm.target.Target(TARGETS["cpu"]))
        built(*(tvm.runtime.tensor(array) for array in inputs), out)
        outputs.append(out.numpy())
    assert np.abs(outputs[0]).max() > 0
    for tuned in outputs[1:]:
        np.testing.assert_allclose(tuned, outputs[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "like"), [("cpu", None), ("cuda", "")])
def test_untuned_is_what_tvm_does_by_itself(kind: str, like: str | None, tasks: Tasks) -> None:
    """Plain loops for CPUs; CUDA needs its threads bound, as the default schedule does."""
    program = tasks["conv2d"].program
    found = apply_schedule(program, TARGETS[kind], UNTUNED).module
    expected = (
        tvm.ir.load_json(program)
        if like is None
        else apply_schedule(program, TARGETS[kind], like).module
    )
    assert tvm_ffi.structural_equal(found, expected)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_applied_twice_it_is_the_same_program(kind: str, tasks: Tasks, space_of: SpaceOf) -> None:
    space, task = space_of("conv2d", kind), tasks["conv2d"]
    copy = DesignSpace.from_json(space.to_json())
    for row in space.sample(3, np.random.default_rng(0)):
        again = copy.row_of(space.config_of(row))
        first, second = (
            apply_schedule(task.program, TARGETS[kind], schedule).module
            for schedule in (space.schedule_of(row), copy.schedule_of(again))
        )
        assert tvm_ffi.structural_equal(first, second)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("schedule", [UNTUNED, ""])
def test_a_program_stays_as_it_was(kind: str, schedule: str, tasks: Tasks) -> None:
    """A worker keeps the programs that it has parsed; neither step may write into them."""
    task, target = tasks["conv2d"], tvm.target.Target(TARGETS["cpu"])
    module = apply_schedule(task.program, TARGETS[kind], schedule).module
    if kind == "cpu":
        tvm.compile(module, target=target)
    kept = apply_schedule(task.program, TARGETS["cpu"], UNTUNED).module
    assert tvm_ffi.structural_equal(kept, tvm.ir.load_json(task.program))


def test_locations_mean_what_they_say(tasks: Tasks, space_of: SpaceOf) -> None:
    """TVM keeps every feasible location as it is, and replaces the infeasible ones."""
    space = space_of("conv2d", "cpu")
    rng = np.random.default_rng(0)
    pool = space.sample(10, rng)
    for row in pool:
        knobs = space.sketches[row[0]].knobs
        at = next(i for i, knob in enumerate(knobs) if knob.kind is KnobKind.LOCATION)
        for choice in range(len(knobs[at])):
            row[1 + at] = choice
            kept = _location_kept(tasks["conv2d"], space, row, knobs[at].instruction)
            assert space.feasible(row[None])[0] == (knobs[at].values[choice] == kept)


def test_a_vector_that_does_not_divide_is_another_name_for_one(
    tasks: Tasks, space_of: SpaceOf
) -> None:
    space = space_of("conv2d", "cuda")
    pool = space.sample(200, np.random.default_rng(0))
    at = 1 + space.sketches[0].knob_index("fetch 0")
    longest, single = pool.copy(), pool.copy()
    longest[:, at], single[:, at] = 3, 0  # four elements at a time, and one
    row = np.flatnonzero(~space.feasible(longest))[0]
    assert space.feasible(single).all()
    first, second = (
        apply_schedule(
            tasks["conv2d"].program, TARGETS["cuda"], space.schedule_of(rows[row])
        ).module
        for rows in (longest, single)
    )
    assert tvm_ffi.structural_equal(first, second)


def test_a_task_without_knobs_has_one_configuration(space_of: SpaceOf) -> None:
    space = space_of("transpose", "cpu")
    assert space.size == 1
    assert space.sample(5, np.random.default_rng(0)).tolist() == [[0]]


def test_a_task_for_which_no_sketch_works_has_an_empty_space(tasks: Tasks) -> None:
    target = json.dumps({**CUDA_ATTRIBUTES, "max_shared_memory_per_block": 4})
    space = read_design_space(tasks["dense"], target)
    assert space.size == 0
    assert len(space.sample(5, np.random.default_rng(0))) == 0
    assert space.columns


def test_a_target_without_a_limit_is_refused(tasks: Tasks) -> None:
    incomplete = {k: v for k, v in CUDA_ATTRIBUTES.items() if k != "registers_per_block"}
    with pytest.raises(InputError, match="registers_per_block"):
        read_design_space(tasks["dense"], json.dumps(incomplete))


def test_a_schedule_of_another_task_is_refused(tasks: Tasks, space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    schedule = space.schedule_of(space.sample(1, np.random.default_rng(0))[0])
    with pytest.raises(ScheduleError, match="does not fit"):
        apply_schedule(tasks["dense"].program, TARGETS["cpu"], schedule)


def _accepted(
    task: LayerTask, space: DesignSpace, pool: IntArray
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    target = TARGETS[space.kind]
    return np.array([_applies(task, target, space.schedule_of(row)) for row in pool])


def _applies(task: LayerTask, target: str, schedule: str) -> bool:
    try:
        apply_schedule(task.program, target, schedule)
    except ScheduleError:
        return False
    return True


def _shared_bytes(space: DesignSpace, row: IntArray) -> int:
    return int(shared_bytes(Tiling(space.sketches[row[0]], row[None, 1:]))[0])


def _main(task: LayerTask) -> tvm.tirx.PrimFunc:
    return tvm.ir.load_json(task.program)["main"]


def _location_kept(task: LayerTask, space: DesignSpace, row: IntArray, instruction: int) -> int:
    """The location that TVM makes of the one in a row."""
    state = replay(tvm.ir.load_json(task.program), space.schedule_of(row))
    return int(SketchTrace.of(state.trace).decisions[instruction])
