import numpy as np
import pytest

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import IntArray, Proposer
from dgtl_ray.search import ProposerContext, make_proposer
from dgtl_ray.search.breeding import EvolutionConfig
from dgtl_ray.search.evolutionary import EvolutionaryProposer
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.proposers import search
from dgtl_ray.testing.spaces import GridSpace


class WatchedSpace(GridSpace):
    """Remembers which rows became parents."""

    def __init__(self) -> None:
        super().__init__()
        self.parents: list[IntArray] = []

    def mutate(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        self.parents.append(pool)
        return super().mutate(pool, rng)

    def crossover(self, a: IntArray, b: IntArray, rng: np.random.Generator) -> IntArray:
        assert (a[:, 0] == b[:, 0]).all(), "parents share their sketch"
        self.parents += [a, b]
        return super().crossover(a, b, rng)


def context(space: GridSpace, seed: int = 0) -> ProposerContext:
    return ProposerContext(space=space, seed=seed, task_key="task", device=EXAMPLE_DEVICE)


def best_s(space: GridSpace, proposer: Proposer, trials: int) -> float:
    return float(space.latency_s(search(proposer, space, trials // 8, 8)).min())


def test_beats_random_search() -> None:
    """Against the best of all configurations, in the mean over twelve seeds."""
    space = GridSpace((12, 12, 12, 12))
    optimum_s = space.latency_s(space.rows).min()
    gap = {
        name: np.mean(
            [
                np.log(best_s(space, make_proposer(name, context(space, seed)), 96) / optimum_s)
                for seed in range(12)
            ]
        )
        for name in ("evolutionary", "random")
    }
    assert gap["evolutionary"] < 0.5 * gap["random"]


def test_founders_are_random() -> None:
    """Nothing breeds until enough configurations were ok."""
    space = WatchedSpace()
    proposer = EvolutionaryProposer(context(space), EvolutionConfig(founders=16))
    search(proposer, space, batches=2, n=8)
    assert not space.parents
    search(proposer, space, batches=1, n=8)
    assert space.parents


def test_failures_never_become_parents() -> None:
    """Half the space fails; without crossover, what is mutated was measured, and ok."""
    space = WatchedSpace()
    config = EvolutionConfig(founders=4, crossover_share=0.0)
    proposer = EvolutionaryProposer(context(space), config)
    for _ in range(10):
        rows = proposer.propose(8).pool
        fails = rows[:, 1] < 4
        status = [Status.RUN_ERROR if bad else Status.OK for bad in fails]
        cost_s = np.where(fails, np.nan, space.latency_s(rows))
        proposer.observe(rows, cost_s, status, space.spent_s(rows))
    parents = np.concatenate(space.parents)
    assert len(parents) > 0
    assert (parents[:, 1] >= 4).all()


def test_every_sketch_keeps_a_chance() -> None:
    """The slower sketch goes on breeding, less."""
    space = WatchedSpace()
    search(EvolutionaryProposer(context(space)), space, batches=20, n=8)
    sketches = np.concatenate(space.parents)[:, 0]
    share = np.mean(sketches == 1)
    assert 0.5 < share < 0.95


def test_random_share_is_random() -> None:
    """All of a batch at a share of one."""
    space = WatchedSpace()
    config = EvolutionConfig(founders=1, random_share=1.0)
    search(EvolutionaryProposer(context(space), config), space, batches=6, n=8)
    assert not space.parents


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("founders", 0, "founders is 0; it must be from 1 to inf"),
        ("elite", -1, "elite is -1; it must be from 1 to inf"),
        ("rank_decay", 0.0, "rank_decay is 0.0; it must be from 1e-09 to inf"),
        ("sketch_decay", float("nan"), "sketch_decay is nan; it must be from 1e-09 to inf"),
        ("crossover_share", 1.5, "crossover_share is 1.5; it must be from 0 to 1"),
        ("random_share", -0.1, "random_share is -0.1; it must be from 0 to 1"),
    ],
)
def test_config_names_what_is_wrong(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvolutionConfig(**{field: value})  # type: ignore[arg-type]
