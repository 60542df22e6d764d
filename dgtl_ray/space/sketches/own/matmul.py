"""Products with a weight matrix as a sketch: dense layers, 1 × 1 convolutions."""

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import tvm
from tvm import tirx

from dgtl_ray.space.nest import LEVELS, Axis, Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.sketches.cpu_shape import vector_factor
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.own.choices import (
    LEAST_LANES,
    Machine,
    column_rows,
    float_access,
    row_rows,
    step_rows,
    tile_knob,
)
from dgtl_ray.space.sketches.own.epilogue import UnlikeError
from dgtl_ray.space.sketches.own.matmul_kernel import MatmulKernel
from dgtl_ray.space.sketches.own.reading import Contraction, read_contraction
from dgtl_ray.space.sketches.own.tir import FLOAT, Expr, function, index, load, loop, store
from dgtl_ray.space.sketches.scheduled import Preparation, Scheduled

NAME = "matmul"

# Rows of a part, about.
_ROWS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


def matmul_sketches(module: Any, machine: Machine, workload: Nest) -> Iterator[Sketch]:
    """A sketch, if the task is a product with a weight matrix.

    Args:
        module: The unscheduled program.
        machine: What it will run on.
        workload: The loops of the task's anchor.
    """
    try:
        task, reduction = _read(module)
    except UnlikeError:
        return
    rows = prod(task.extents[: task.spatial - 1])
    channels, steps = task.extents[task.spatial - 1], task.extents[reduction]
    lanes = machine.lanes(channels)
    knobs = (
        tile_knob("rows", 0, row_rows(rows, machine.parts(rows, _ROWS), rows)),
        tile_knob("channels", 1, column_rows(channels, lanes, (1, machine.cores, None))),
        tile_knob("reduction", 2, step_rows(steps)),
    )
    yield Sketch(
        knobs=knobs,
        nest=_nest(rows, channels, steps),
        tiles=(0, 1, 2),
        instructions=json.dumps({"algorithm": NAME, "lanes": lanes}),
        write_level=0,
        workload=workload,
        register_limits=machine.register_limits(channels, *knobs[:2]),
    )


def apply_matmul(
    module: Any, instructions: Mapping[str, Any], decisions: Mapping[int, Any]
) -> Scheduled:
    """The program of a configuration.

    Raises:
        ScheduleError: The task is no product with a weight matrix.
    """
    try:
        task, reduction = _read(module)
    except UnlikeError as error:
        raise ScheduleError(f"no product with a weight matrix: {error}") from error
    _, _, panels, rows = decisions[0]
    shares, _, _, width = decisions[1]
    packed = _pack(task, reduction, width)
    parameters = list(task.parameters)
    parameters[task.weight_at] = packed.params[1]
    kernel = MatmulKernel(
        task=task,
        reduction=reduction,
        weights=packed.params[1],
        panels=panels,
        rows=rows,
        unroll=decisions[2][-1],
        shares=shares,
        lanes=instructions["lanes"],
    )
    main = kernel.write(parameters).with_attr(task.attributes)
    return Scheduled(
        module=tvm.IRModule({"main": main}),
        preparations=(Preparation(parameter=task.weight_at, function=packed),),
    )


def _read(module: Any) -> tuple[Contraction, int]:
    """The product that a task is, and the axis that it is summed over.

    Raises:
        UnlikeError: It is none.
    """
    task = read_contraction(module)
    axes = range(task.spatial, len(task.extents))
    reduction = max(axes, key=lambda axis: task.extents[axis], default=-1)
    if reduction < 0 or any(task.extents[axis] > 1 for axis in axes if axis != reduction):
        raise UnlikeError("it is summed over more than one axis")
    column = task.spatial - 1
    used = [_used(rows, task.extents) for rows in task.weight.rows]
    fits = (
        sorted(axis for axes_of in used for axis in axes_of) == [column, reduction]
        and all(len(axes_of) < 2 for axes_of in used)
        and not any(task.weight.offsets)
        and all(row[axis] in (0, 1) for row in task.weight.rows for axis in (column, reduction))
        and not any(row[column] for row in task.source.rows)
        and task.source.rows[-1][reduction] == 1
        and not any(row[reduction] for row in task.source.rows[:-1])
        and _inside(task)
    )
    if not fits:
        raise UnlikeError("it is no product of rows with a matrix")
    if vector_factor(task.extents[column], LEAST_LANES) < LEAST_LANES:
        raise UnlikeError("its output channels do not fill vectors")
    return task, reduction


def _used(rows: tuple[int, ...], extents: tuple[int, ...]) -> list[int]:
    """The axes along which an index changes."""
    return [axis for axis, step in enumerate(rows) if step and extents[axis] > 1]


def _inside(task: Contraction) -> bool:
    """Whether all that is read lies inside the source: no padding."""
    operand = task.source
    return all(
        offset >= 0
        and min(rows) >= 0
        and offset + sum(s * (e - 1) for s, e in zip(rows, task.extents, strict=True)) < size
        for rows, offset, size in zip(operand.rows, operand.offsets, operand.shape, strict=True)
    )


def _pack(task: Contraction, reduction: int, width: int) -> Any:
    """A PrimFunc from the weights to (channels / width, steps, width)."""
    column = task.spatial - 1
    channels, steps = task.extents[column], task.extents[reduction]
    weight = task.weight.buffer
    shape = tuple(map(index, (channels // width, steps, width)))
    packed = tirx.decl_buffer(shape, FLOAT, name="packed")

    def copy(block: Expr, step: Expr, channel: Expr) -> Any:
        place = {column: block * width + channel, reduction: step}
        used = (_used(rows, task.extents) for rows in task.weight.rows)
        indices = [place[axes[0]] if axes else index(0) for axes in used]
        return store(packed, load(weight, *indices), block, step, channel)

    body = loop(
        "block",
        channels // width,
        lambda b: loop("step", steps, lambda k: loop("c", width, lambda c: copy(b, k, c))),
    )
    return function([weight, packed], body)


def _nest(rows: int, channels: int, steps: int) -> Nest:
    row, channel, step = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    return Nest(
        axes=(
            Axis(name="rows", extent=rows, reduction=False),
            Axis(name="channels", extent=channels, reduction=False),
            Axis(name="reduction", extent=steps, reduction=True),
        ),
        levels=LEVELS["cpu"],
        reads=(
            float_access("source", (rows, steps), (row, step)),
            float_access("weights", (steps, channels), (step, channel)),
        ),
        write=float_access("product", (rows, channels), (row, channel)),
    )
