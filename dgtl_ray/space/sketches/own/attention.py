"""Attention as a sketch: scores, softmax and weighted mean of some queries at a time."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import tvm

from dgtl_ray.space.nest import LEVELS, Axis, Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.sketches.cpu_shape import vector_factor
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.own.attention_kernel import AttentionKernel
from dgtl_ray.space.sketches.own.attention_program import AttentionShape
from dgtl_ray.space.sketches.own.attention_reading import AttentionTask, read_attention
from dgtl_ray.space.sketches.own.choices import (
    LEAST_LANES,
    Machine,
    float_access,
    row_rows,
    step_rows,
    tile_knob,
)
from dgtl_ray.space.sketches.own.epilogue import UnlikeError
from dgtl_ray.space.sketches.own.tir import with_root
from dgtl_ray.space.sketches.scheduled import Scheduled

NAME = "attention"

# Queries of a part, about.
_ROWS = (8, 16, 32, 64, 128, 256, 512)
# Vectors of a register tile's row.
_VECTORS = (1, 2, 3, 4, 5, 6)


def attention_sketches(module: Any, machine: Machine, workload: Nest) -> Iterator[Sketch]:
    """A sketch, if the task is an attention.

    Args:
        module: The unscheduled program.
        machine: What it will run on.
        workload: The loops of the task's anchor.
    """
    try:
        shape = _read(module).shape
    except UnlikeError:
        return
    lanes = machine.cpu.lanes
    vectors = -(-shape.others // lanes)
    pairs = shape.batch * shape.heads
    rows = [
        (parts * pairs, *rest)
        for parts, *rest in row_rows(shape.tokens, machine.parts(shape.tokens, _ROWS), shape.tokens)
    ]
    columns = [(1, -(-vectors // v), 1, v * lanes) for v in _VECTORS if v <= vectors]
    knobs = (
        tile_knob("rows", 0, rows),
        tile_knob("channels", 1, columns),
        tile_knob("reduction", 2, step_rows(shape.width)),
    )
    limits = machine.register_limits(lanes, *knobs[:2])
    yield Sketch(
        knobs=knobs,
        nest=_nest(pairs * shape.tokens, vectors * lanes, shape.width),
        tiles=(0, 1, 2),
        instructions=json.dumps(
            {"algorithm": NAME, "lanes": lanes, "registers": machine.cpu.registers}
        ),
        write_level=0,
        workload=workload,
        register_limits=limits,
    )


def apply_attention(
    module: Any, instructions: Mapping[str, Any], decisions: Mapping[int, Any]
) -> Scheduled:
    """The program of a configuration.

    Raises:
        ScheduleError: The task is no attention.
    """
    try:
        task = _read(module)
    except UnlikeError as error:
        raise ScheduleError(f"no attention: {error}") from error
    _, _, panels, rows = decisions[0]
    query, key, value, *bias = task.operands
    lanes = instructions["lanes"]
    out_lanes = vector_factor(task.shape.out, lanes)
    kernel = AttentionKernel(
        shape=task.shape,
        query=query.at,
        key=key.at,
        value=value.at,
        bias=bias[0].at if bias else None,
        output=task.parameters[-1],
        panels=panels,
        rows=rows,
        width=decisions[1][-1],
        out_width=_out_width(task.shape, rows, out_lanes, instructions["registers"]),
        unroll=decisions[2][-1],
        lanes=lanes,
        out_lanes=out_lanes,
    )
    main = with_root(kernel.write(list(task.parameters))).with_attr(task.attributes)
    return Scheduled(module=tvm.IRModule({"main": main}))


def _read(module: Any) -> AttentionTask:
    """The attention that a task is.

    Raises:
        UnlikeError: It is none, or too narrow.
    """
    task = read_attention(module)
    if vector_factor(task.shape.out, LEAST_LANES) < LEAST_LANES:
        raise UnlikeError("its values do not fill vectors")
    return task


def _out_width(shape: AttentionShape, rows: int, lanes: int, registers: int) -> int:
    """Of a register tile of so many rows: as many vectors as fit the registers beside others."""
    whole = shape.out // lanes
    fitting = [v for v in range(1, whole + 1) if whole % v == 0 and rows * v + v + 1 <= registers]
    return max(fitting, default=1) * lanes


def _nest(rows: int, columns: int, steps: int) -> Nest:
    """The product of queries and keys."""
    row, column, step = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    return Nest(
        axes=(
            Axis(name="rows", extent=rows, reduction=False),
            Axis(name="channels", extent=columns, reduction=False),
            Axis(name="reduction", extent=steps, reduction=True),
        ),
        levels=LEVELS["cpu"],
        reads=(
            float_access("queries", (rows, steps), (row, step)),
            float_access("keys", (steps, columns), (step, column)),
        ),
        write=float_access("scores", (rows, columns), (row, column)),
    )
