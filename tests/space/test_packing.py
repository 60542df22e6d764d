"""Weights in the order in which a schedule reads them: the same answers, from other arguments."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tvm
from numpy.typing import NDArray
from tvm import te, topi

from dgtl_ray.core.roles import UNTUNED
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure.preparing import Preparer
from dgtl_ray.space.sketches import (
    Preparation,
    Scheduled,
    ScheduleError,
    apply_schedule,
    read_design_space,
)
from dgtl_ray.space.sketches.algorithms import ALGORITHMS
from dgtl_ray.space.sketches.scheduled import parse_preparations, preparations_text
from tests.space.conftest import TARGETS
from tests.space.programs import TASKS

CPU = TARGETS["cpu"]
Array = NDArray[np.float32]


def marked(program: str) -> str:
    """The program, its second argument a weight."""
    module = tvm.ir.load_json(program)
    main = module["main"].with_attr("layout_free_buffers", [1])
    return str(tvm.ir.save_json(tvm.IRModule({"main": main})))


def program_of(tensors: list[Any]) -> str:
    """A program that computes the last of some tensors."""
    function = te.create_prim_func(tensors).with_attr("global_symbol", "main")
    return marked(str(tvm.ir.save_json(tvm.IRModule({"main": function}))))


def run(scheduled: Scheduled, inputs: list[Array]) -> Array:
    """What it gives for inputs, of which the weights are as the network has them."""
    preparer = Preparer([p.function for p in scheduled.preparations])
    arguments = list(inputs)
    for number, preparation in enumerate(scheduled.preparations):
        at = preparation.parameter
        arguments[at] = preparer.prepare(number, tvm.runtime.tensor(arguments[at]))
    for array, spec in zip(arguments, scheduled.args, strict=False):
        assert array.shape == spec.shape
    output = tvm.runtime.empty(scheduled.args[-1].shape, "float32")
    built = tvm.compile(scheduled.module, target=tvm.target.Target(CPU))
    built(*(tvm.runtime.tensor(array) for array in arguments), output)
    result: Array = output.numpy()
    return result


def random_inputs(program: str) -> list[Array]:
    rng = np.random.default_rng(0)
    specs = apply_schedule(program, CPU, UNTUNED).args[:-1]
    return [rng.standard_normal(spec.shape).astype(np.float32) for spec in specs]


def some_schedules(task: LayerTask, count: int) -> list[str]:
    space = read_design_space(task, CPU)
    return ["", *(space.schedule_of(row) for row in space.sample(count, np.random.default_rng(1)))]


@pytest.mark.parametrize("name", ["conv2d", "strided_conv2d", "depthwise_conv2d", "dense"])
def test_packed_weights_give_the_same_answers(name: str) -> None:
    task = replace(TASKS[name](), program=marked(TASKS[name]().program))
    inputs = random_inputs(task.program)
    expected = run(apply_schedule(task.program, CPU, UNTUNED), inputs)
    shapes = set()
    for schedule in some_schedules(task, 3):
        scheduled = apply_schedule(task.program, CPU, schedule)
        assert [p.parameter for p in scheduled.preparations] == [1]
        shapes.add(scheduled.args[1].shape)
        # Sums are rounded in other orders, by other algorithms: an error is as large as what is
        # added up, however small the sum.
        rounding = 1e-5 * float(np.abs(expected).max())
        np.testing.assert_allclose(run(scheduled, inputs), expected, rtol=1e-4, atol=rounding)
    assert len(shapes) > 1


def test_what_is_no_weight_stays_as_it_is() -> None:
    task = TASKS["conv2d"]()
    for schedule in some_schedules(task, 2):
        scheduled = apply_schedule(task.program, CPU, schedule)
        assert scheduled.preparations == ()
        assert scheduled.args == apply_schedule(task.program, CPU, UNTUNED).args


def _read_twice() -> str:
    """A product with a weight, plus that weight's first row."""
    x, w = te.placeholder((8, 64), name="x"), te.placeholder((64, 32), name="w")
    product = topi.nn.matmul(x, w)
    return program_of([x, w, te.compute((8, 32), lambda i, j: product[i, j] + w[0, j])])


def _looked_up() -> str:
    """Rows of a table, by an index that is computed."""
    x, w = te.placeholder((8,), name="x"), te.placeholder((64, 32), name="w")
    rows = te.compute((8, 32), lambda i, j: w[(x[i] * x[i]).astype("int32") % 64, j])
    return program_of([x, w, rows])


@pytest.mark.parametrize("program", [_read_twice(), _looked_up()], ids=["twice", "looked up"])
def test_a_weight_without_one_order_gives_the_same_answers(program: str) -> None:
    task = replace(TASKS["dense"](), program=program)
    inputs = random_inputs(program)
    expected = run(apply_schedule(program, CPU, UNTUNED), inputs)
    for schedule in some_schedules(task, 3):
        scheduled = apply_schedule(program, CPU, schedule)
        np.testing.assert_allclose(run(scheduled, inputs), expected, rtol=1e-4, atol=1e-4)


def test_preparations_travel_as_text() -> None:
    program = marked(TASKS["conv2d"]().program)
    weight = tvm.runtime.tensor(random_inputs(program)[1])
    (schedule,) = some_schedules(replace(TASKS["conv2d"](), program=program), 1)[1:]
    preparations = apply_schedule(program, CPU, schedule).preparations
    copies = parse_preparations(preparations_text(preparations))
    assert [p.parameter for p in copies] == [p.parameter for p in preparations]
    first, second = (Preparer([p.function for p in of]) for of in (preparations, copies))
    np.testing.assert_array_equal(first.prepare(0, weight), second.prepare(0, weight))
    assert preparations_text(()) == ""
    assert parse_preparations("") == ()


def test_instructions_that_name_an_algorithm_are_followed_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Mapping[str, Any], Mapping[int, Any]]] = []

    def keep(
        module: Any, instructions: Mapping[str, Any], decisions: Mapping[int, Any]
    ) -> Scheduled:
        asked.append((instructions, decisions))
        return Scheduled(module=module, preparations=(Preparation(parameter=1, function=None),))

    monkeypatch.setitem(ALGORITHMS, "keep", keep)
    instructions = {"algorithm": "keep", "tile": 4}
    schedule = json.dumps([instructions, [[0, [2, 8]], [1, 3]]])
    program = TASKS["conv2d"]().program
    assert apply_schedule(program, CPU, schedule).preparations[0].parameter == 1
    assert asked == [(instructions, {0: [2, 8], 1: 3})]


@pytest.mark.parametrize("schedule", ['[{"algorithm": "none such"}, []]', "no JSON", "[1]"])
def test_a_schedule_that_is_none_is_refused(schedule: str) -> None:
    with pytest.raises(ScheduleError, match=r"none such|not a schedule"):
        apply_schedule(TASKS["conv2d"]().program, CPU, schedule)


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d", "dense"])
def test_neighbours_along_a_weights_innermost_axis_stay_neighbours(name: str) -> None:
    """LLVM vectorises along it what a schedule leaves in plain loops."""
    task = replace(TASKS[name](), program=marked(TASKS[name]().program))
    for schedule in some_schedules(task, 12):
        (preparation,) = apply_schedule(task.program, CPU, schedule).preparations
        shape = preparation.weight.shape
        elements = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        prepared = Preparer([preparation.function]).prepare(0, tvm.runtime.tensor(elements))
        if prepared.size == elements.size:  # packed, not transformed by another algorithm
            assert prepared.shape[-1] > 1
            assert (np.diff(prepared, axis=-1) == 1).all()
