"""CPU kernels write whole vectors, where a layer has as much side by side."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.cpu_rules import vector_points
from dgtl_ray.space.nest import Extents
from dgtl_ray.space.tiling import Tiling
from tests.space.conftest import SpaceOf

# Tiles of a 28×28, 32 → 64 convolution, and the unrolling: all but the last spatial axis and the
# reduction over channels lie outside.
OUTSIDE = {
    "tile nn": [1, 1, 1, 1],
    "tile yy": [28, 1, 1, 1],
    "tile ry": [3, 1],
    "tile rx": [3, 1],
}


def _points(space: DesignSpace, **tiles: object) -> int:
    """The vector points of the first sketch's configuration with these tiles."""
    row = space.sample(1, np.random.default_rng(0))[0]
    config = {**json.loads(space.config_of(row)), **OUTSIDE}
    names = space.knob_names[config["sketch"]]
    config |= {name: tiles[_short(name)] for name in names if _short(name) in tiles}
    return int(_widths(space, space.row_of(json.dumps(config))[None])[0])


def _widths(space: DesignSpace, pool: IntArray) -> Extents:
    sketch = space.sketches[int(pool[0, 0])]
    return vector_points(Tiling(sketch, pool[:, 1 : 1 + len(sketch.knobs)]))


def _short(name: str) -> str:
    return name.removeprefix("tile ")


@pytest.mark.parametrize(
    ("tiles", "points"),
    [
        ({"ff": [1, 1, 4, 16], "xx": [1, 1, 1, 28], "rc": [1, 32], "unroll": 0}, 16),
        ({"ff": [1, 1, 64, 1], "xx": [28, 1, 1, 1], "rc": [32, 1], "unroll": 0}, 64),
        ({"ff": [1, 1, 64, 1], "xx": [14, 1, 1, 2], "rc": [32, 1], "unroll": 0}, 1),
        ({"ff": [1, 1, 64, 1], "xx": [14, 1, 1, 2], "rc": [32, 1], "unroll": 16}, 64),
        ({"ff": [1, 1, 64, 1], "xx": [1, 1, 1, 28], "rc": [32, 1], "unroll": 16}, 1),
        ({"ff": [1, 1, 32, 2], "xx": [28, 1, 1, 1], "rc": [32, 1], "unroll": 16}, 2),
    ],
)
def test_vectors_are_what_no_loop_is_inside_of(
    tiles: dict[str, object], points: int, space_of: SpaceOf
) -> None:
    assert _points(space_of("conv2d", "cpu"), **tiles) == points


@pytest.mark.parametrize("name", ["conv2d", "strided_conv2d", "depthwise_conv2d", "dense"])
def test_narrow_configurations_are_not_sampled(name: str, space_of: SpaceOf) -> None:
    space = space_of(name, "cpu")
    assert space.limits.vector_points >= 4
    pool = space.sample(1_000, np.random.default_rng(0))
    for index in range(len(space.sketches)):
        rows = pool[pool[:, 0] == index]
        assert (_widths(space, rows) >= space.limits.vector_points).all()


def test_a_layer_narrower_than_a_vector_keeps_all_its_configurations(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    limits = [replace(space.limits, vector_points=points) for points in (0, 128)]
    free, beyond = (
        DesignSpace(kind="cpu", sketches=space.sketches, limits=limit) for limit in limits
    )
    pool = free.sample(500, np.random.default_rng(0))
    assert beyond.feasible(pool).all()
    assert not space.feasible(pool).all()
