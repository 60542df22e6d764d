import numpy as np
import pytest

from tests.space.conftest import SpaceOf

CASES = [
    (name, kind) for name in ("conv2d", "depthwise_conv2d", "dense") for kind in ("cpu", "cuda")
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_mutants_are_feasible_and_differ_in_one_place(
    name: str, kind: str, space_of: SpaceOf
) -> None:
    space = space_of(name, kind)
    rng = np.random.default_rng(1)
    pool = space.sample(1_000, rng)
    mutants = space.mutate(pool, rng)
    changed = (mutants != pool).sum(axis=1)
    assert space.feasible(mutants).all()
    assert changed.max() == 1
    assert (changed == 1).mean() > 0.95


def test_mutants_reach_every_knob_and_other_sketches(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cpu")
    rng = np.random.default_rng(2)
    pool = space.sample(3_000, rng)
    changed = (space.mutate(pool, rng) != pool).any(axis=0)
    free = [1 + i for i, knob in enumerate(space.sketches[0].knobs) if len(knob) > 1]
    assert changed[[0, *free]].all()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_children_are_feasible_mixtures(name: str, kind: str, space_of: SpaceOf) -> None:
    space = space_of(name, kind)
    rng = np.random.default_rng(3)
    pool = space.sample(2_000, rng)
    pool = pool[pool[:, 0] == pool[0, 0]]
    half = len(pool) // 2
    a, b = pool[:half], pool[half : 2 * half]
    children = space.crossover(a, b, rng)
    assert space.feasible(children).all()
    assert ((children == a) | (children == b)).all()
    mixed = (children != a).any(axis=1) & (children != b).any(axis=1)
    assert mixed.mean() > 0.5


def test_parents_of_different_sketches_have_the_first_as_child(space_of: SpaceOf) -> None:
    space = space_of("conv2d", "cuda")
    rng = np.random.default_rng(4)
    pool = space.sample(300, rng)
    a, b = (pool[pool[:, 0] == sketch][:50] for sketch in (0, 1))
    assert np.array_equal(space.crossover(a, b, rng), a)


def test_a_space_of_one_has_no_neighbours(space_of: SpaceOf) -> None:
    space = space_of("transpose", "cpu")
    rng = np.random.default_rng(5)
    pool = space.sample(1, rng)
    assert np.array_equal(space.mutate(pool, rng), pool)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_small_step_of_a_tile_moves_one_prime(name: str, kind: str, space_of: SpaceOf) -> None:
    for knob in space_of(name, kind).sketches[0].knobs:
        if knob.shape and len(knob) > 1:
            before = knob.table[:, None, :]
            after = knob.table[knob.neighbours]
            assert ((after != before).sum(axis=2) == 2).all()
