import numpy as np
import pytest

from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sampling import enumerate_choices
from tests.space.conftest import SpaceOf

LARGE = ["conv2d", "strided_conv2d", "depthwise_conv2d", "dense"]
KINDS = ["cpu", "cuda"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LARGE)
def test_samples_are_distinct_and_feasible(name: str, kind: str, space_of: SpaceOf) -> None:
    space = space_of(name, kind)
    pool = space.sample(2_000, np.random.default_rng(0))
    assert pool.dtype == np.int32
    assert pool.shape == (2_000, space.width)
    assert space.feasible(pool).all()
    assert len(np.unique(pool, axis=0)) == len(pool)


def test_every_sketch_is_about_equally_likely(space_of: SpaceOf) -> None:
    pool = space_of("conv2d", "cuda").sample(3_000, np.random.default_rng(0))
    counts = np.bincount(pool[:, 0], minlength=3)
    assert counts.min() > 900


def test_few_samples_are_not_always_of_one_sketch(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    seen = {int(space.sample(1, np.random.default_rng(seed))[0, 0]) for seed in range(20)}
    assert seen == {0, 1, 2}


def test_the_same_seed_gives_the_same_samples(space_of: SpaceOf) -> None:
    space = space_of("depthwise_conv2d", "cuda")
    first, again, other = (space.sample(50, np.random.default_rng(s)) for s in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_small_space_is_exhausted(space_of: SpaceOf) -> None:
    space = space_of("max_pool2d", "cpu")
    everything = _all_rows(space)
    pool = space.sample(10 * space.size, np.random.default_rng(0))
    assert _as_set(pool) == _as_set(everything[space.feasible(everything)])


def test_sketches_with_plenty_give_what_exhausted_ones_cannot(space_of: SpaceOf) -> None:
    space = space_of("max_pool2d", "cpu")
    everything = _all_rows(space)
    feasible = int(space.feasible(everything).sum())
    assert len(space.sample(feasible - 1, np.random.default_rng(0))) == feasible - 1


def test_nothing_is_sampled_where_nothing_is_asked(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    assert space.sample(0, np.random.default_rng(0)).shape == (0, space.width)


def test_choices_left_out_beforehand_are_never_feasible(space_of: SpaceOf) -> None:
    """Sampling draws only from usable choices; that must not cut off a part of the space."""
    space = space_of("dense", "cuda")
    rng = np.random.default_rng(0)
    for index, sketch in enumerate(space.sketches):
        rows = np.zeros((200_000, space.width), dtype=np.int32)
        rows[:, 0] = index
        rows[:, 1:] = rng.integers(0, sketch.choices, size=(len(rows), space.width - 1))
        found = rows[space.feasible(rows)]
        tiles = [i for i, knob in enumerate(sketch.knobs) if knob.shape]
        drawn = space.sample(30_000, rng)
        for knob in tiles:
            assert set(found[:, 1 + knob]) <= set(drawn[:, 1 + knob])


def _all_rows(space: DesignSpace) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    parts = []
    for index, sketch in enumerate(space.sketches):
        choices = enumerate_choices(sketch)
        rows = np.zeros((len(choices), space.width), dtype=np.int32)
        rows[:, 0] = index
        rows[:, 1 : 1 + choices.shape[1]] = choices
        parts.append(rows)
    return np.concatenate(parts)


def _as_set(rows: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> set[tuple[int, ...]]:
    return {tuple(row) for row in rows.tolist()}
