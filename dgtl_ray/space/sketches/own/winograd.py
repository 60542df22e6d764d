"""Winograd's F(2 × 2, 3 × 3) and F(4 × 4, 3 × 3) as sketches."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import tvm
from tvm import tirx

from dgtl_ray.space.nest import LEVELS, Axis, Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.sketches.cpu_shape import vector_factor
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.own.choices import (
    FLOAT_BYTES,
    LEAST_LANES,
    Machine,
    column_rows,
    float_access,
    row_rows,
    step_rows,
    tile_knob,
)
from dgtl_ray.space.sketches.own.epilogue import UnlikeError
from dgtl_ray.space.sketches.own.reading import Contraction, read_contraction
from dgtl_ray.space.sketches.own.tir import FLOAT
from dgtl_ray.space.sketches.own.winograd_kernel import WinogradKernel
from dgtl_ray.space.sketches.own.winograd_transforms import TRANSFORMS, Transforms
from dgtl_ray.space.sketches.own.winograd_weights import prepare_filters, prepared_shape
from dgtl_ray.space.sketches.scheduled import Preparation, Scheduled

NAMES = {f"winograd {outputs}": transforms for outputs, transforms in TRANSFORMS.items()}

# Bytes of transformed inputs that an iteration may hold: more than any core's own cache.
_MOST_BYTES = 4 << 20
# Tiles at a time, about.
_TILES = (4, 6, 8, 12, 16, 24, 32, 48, 64)
_SIDE = 3


def winograd_sketches(module: Any, machine: Machine, workload: Nest) -> Iterator[Sketch]:
    """A sketch for each tile size, if the task is a 3 × 3 convolution of stride 1.

    Args:
        module: The unscheduled program.
        machine: What it will run on.
        workload: The loops of the task's anchor.
    """
    try:
        task = _read(module)
    except UnlikeError:
        return
    for name, transforms in NAMES.items():
        yield _sketch(name, transforms, task, machine, workload)


def apply_winograd(
    module: Any, instructions: Mapping[str, Any], decisions: Mapping[int, Any]
) -> Scheduled:
    """The program of a configuration.

    Raises:
        ScheduleError: The task is no 3 × 3 convolution of stride 1.
    """
    try:
        task = _read(module)
    except UnlikeError as error:
        raise ScheduleError(f"no convolution for Winograd's algorithm: {error}") from error
    transforms = NAMES[instructions["algorithm"]]
    _, _, panels, rows = decisions[0]
    shares, _, _, width = decisions[1]
    weight = task.parameters[task.weight_at]
    shape = prepared_shape(weight, transforms, width)
    filters = tirx.decl_buffer(shape, FLOAT, name="transformed")
    parameters = list(task.parameters)
    parameters[task.weight_at] = filters
    kernel = WinogradKernel(
        transforms=transforms,
        source=task.source.buffer,
        filters=filters,
        output=task.output,
        epilogue=task.epilogue,
        top=-task.source.offsets[1],
        left=-task.source.offsets[2],
        tiles=panels * rows,
        rows=rows,
        unroll=decisions[2][-1],
        shares=shares,
        in_lanes=instructions["in_lanes"],
        out_lanes=instructions["out_lanes"],
    )
    preparation = Preparation(
        parameter=task.weight_at, function=prepare_filters(weight, transforms, width)
    )
    main = kernel.write(parameters).with_attr(task.attributes)
    return Scheduled(module=tvm.IRModule({"main": main}), preparations=(preparation,))


def _read(module: Any) -> Contraction:
    """The convolution that a task is.

    Raises:
        UnlikeError: It is none, or of another kind.
    """
    task = read_contraction(module)
    unit = [tuple(int(a == b) for b in range(7)) for a in range(7)]
    image, y, x, output, down, across, channel = unit
    slid = [image, _sum(y, down), _sum(x, across), channel]
    fits = (
        task.spatial == 4
        and len(task.extents) == 7
        and task.extents[4:6] == (_SIDE, _SIDE)
        and list(task.source.rows) == slid
        and list(task.weight.rows) == [down, across, channel, output]
        and not any(task.weight.offsets)
        and task.source.offsets[0] == task.source.offsets[3] == 0
        and all(offset <= 0 for offset in task.source.offsets)
        and task.source.shape[3] == task.extents[6]
    )
    if not fits:
        raise UnlikeError("it is no 3 × 3 convolution of stride 1")
    if any(vector_factor(task.extents[k], LEAST_LANES) < LEAST_LANES for k in (3, 6)):
        raise UnlikeError("its channels do not fill vectors")
    return task


def _sketch(
    name: str, transforms: Transforms, task: Contraction, machine: Machine, workload: Nest
) -> Sketch:
    outputs, channels = task.extents[3], task.extents[6]
    tiles = _tiles(transforms, task)
    lanes = machine.lanes(outputs)
    held = transforms.products * channels * FLOAT_BYTES
    parts = machine.parts(tiles, _TILES)
    # Few tiles are shared out in whatever numbers the channels divide into.
    shares = range(1, machine.cores + 1)
    knobs = (
        tile_knob("tiles", 0, row_rows(tiles, parts, max(_MOST_BYTES // held, 1))),
        tile_knob("channels", 1, column_rows(outputs, lanes, shares)),
        tile_knob("reduction", 2, step_rows(channels)),
    )
    instructions = {
        "algorithm": name,
        "in_lanes": machine.lanes(channels),
        "out_lanes": lanes,
    }
    return Sketch(
        knobs=knobs,
        nest=_nest(tiles, transforms.products, outputs, channels),
        tiles=(0, -1, 1, 2),
        homes=(-1, 1, -1, -1),
        instructions=json.dumps(instructions),
        write_level=0,
        workload=workload,
        register_limits=machine.register_limits(outputs, *knobs[:2]),
    )


def _tiles(transforms: Transforms, task: Contraction) -> int:
    """Of all images."""
    images, height, width = task.extents[:3]
    size = transforms.outputs
    return images * -(-height // size) * -(-width // size)


def _nest(tiles: int, positions: int, outputs: int, channels: int) -> Nest:
    """The small products: one for each position in a tile."""
    tile, position, output, channel = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    return Nest(
        axes=(
            Axis(name="tiles", extent=tiles, reduction=False),
            Axis(name="positions", extent=positions, reduction=False),
            Axis(name="channels", extent=outputs, reduction=False),
            Axis(name="reduction", extent=channels, reduction=True),
        ),
        levels=LEVELS["cpu"],
        reads=(
            float_access("inputs", (tiles, positions, channels), (tile, position, channel)),
            float_access("filters", (positions, channels, outputs), (position, channel, output)),
        ),
        write=float_access("products", (tiles, positions, outputs), (tile, position, output)),
    )


def _sum(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))
