import json

import numpy as np
import pytest

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space import DesignSpace
from tests.space.conftest import DEVICES, SpaceOf
from tests.space.programs import TASKS


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_all_tasks_of_a_kind_share_their_columns(kind: str, space_of: SpaceOf) -> None:
    spaces = [space_of(name, kind) for name in TASKS]
    assert len({space.columns for space in spaces}) == 1
    columns = spaces[0].columns
    assert len(set(columns)) == len(columns)
    for space in spaces:
        encoded = space.encode(space.sample(200, np.random.default_rng(0)), DEVICES[kind])
        assert encoded.dtype == np.float32
        assert encoded.shape[1] == len(columns)
        assert np.isfinite(encoded).all()


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d", "dense"])
def test_no_two_configurations_look_the_same(name: str, kind: str, space_of: SpaceOf) -> None:
    space = space_of(name, kind)
    pool = space.sample(2_000, np.random.default_rng(0))
    assert len(np.unique(space.encode(pool, DEVICES[kind]), axis=0)) == len(pool)


def test_a_row_does_not_depend_on_the_rows_beside_it(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cuda")
    pool = space.sample(5_000, np.random.default_rng(0))
    together = space.encode(pool, DEVICES["cuda"])
    for i in (0, 17, 4_999):
        assert np.array_equal(space.encode(pool[i : i + 1], DEVICES["cuda"])[0], together[i])


def test_cuda_columns_say_what_the_tiles_do(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cuda")
    pool = space.sample(100, np.random.default_rng(0))
    column = _columns(space, pool, "cuda")
    for i, row in enumerate(pool):
        config = json.loads(space.config_of(row))
        spatial = np.array([config[f"tile {axis}"] for axis in ("nn", "yy", "xx", "ff")])
        blocks, vthreads, threads = spatial.prod(axis=0)[:3]
        assert column["log2 blocks"][i] == pytest.approx(np.log2(blocks))
        assert column["log2 vthreads"][i] == pytest.approx(np.log2(vthreads))
        assert column["log2 threads"][i] == pytest.approx(np.log2(threads))
        assert column["log2 s0 level 7"][i] == pytest.approx(np.log2(config["tile ff"][-1]))
        assert column[f"unroll {config['unroll']}"][i] == 1.0


def test_working_sets_are_those_of_the_tiles(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    pool = space.sample(100, np.random.default_rng(0))
    column = _columns(space, pool, "cpu")
    for i, row in enumerate(pool):
        config = json.loads(space.config_of(row))
        n, y, x, f = (config[f"tile {axis}"] for axis in ("nn", "yy", "xx", "ff"))
        ry, rx, rc = (config[f"tile {axis}"][1] for axis in ("ry", "rx", "rc"))
        # From the second spatial level inwards: S2, R1 and S3 lie inside depth 3.
        high, wide, deep = y[2] * y[3], x[2] * x[3], f[2] * f[3]
        image = 4 * n[2] * n[3] * (high + ry - 1) * (wide + rx - 1) * rc
        weights = 4 * ry * rx * rc * deep
        results = 4 * n[2] * n[3] * high * wide * deep
        assert column["log2 bytes read0 depth 3"][i] == pytest.approx(np.log2(image))
        assert column["log2 bytes read1 depth 3"][i] == pytest.approx(np.log2(weights))
        assert column["log2 bytes depth 3"][i] == pytest.approx(
            np.log2(image + weights + results), rel=1e-5
        )


def test_the_device_shows_only_where_it_should(space_of: SpaceOf) -> None:
    space = space_of("dense", "cpu")
    pool = space.sample(50, np.random.default_rng(0))
    a, b = (space.encode(pool, DEVICES[kind]) for kind in ("cpu", "cuda"))
    differing = {space.columns[i] for i in np.flatnonzero((a != b).any(axis=0))}
    assert {"log2 cores", "log2 peak", "log2 roofline seconds"} <= differing
    assert not any(name.startswith(("log2 s", "log2 r0", "unroll")) for name in differing)


def _columns(space: DesignSpace, pool: IntArray, kind: str) -> dict[str, list[float]]:
    encoded = space.encode(pool, DEVICES[kind])
    return {name: encoded[:, i].tolist() for i, name in enumerate(space.columns)}
