"""How the fastest configurations breed."""

from dataclasses import asdict, dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.space import SearchSpace

# Litters that may turn out all known before the rest of a batch is drawn at random.
_LITTERS = 4
_RANGES = {"founders": (1, inf), "elite": (1, inf), "decay": (1e-9, inf), "share": (0, 1)}


@dataclass(frozen=True, kw_only=True)
class EvolutionConfig:
    """How a population breeds.

    Attributes:
        founders: Configurations measured ok before breeding starts; random until then.
        elite: Fastest configurations of each sketch that may become parents.
        rank_decay: A parent ranked this much lower is chosen 1/e times as often.
        sketch_decay: A sketch whose best is this much slower, in log-latency, likewise.
        even_share: Part of the children that the sketches share evenly: one that began badly is
            not given up.
        crossover_share: Children with two parents.
        mutation_share: Of those, how many are mutated too.
        random_share: Part of every batch that is drawn at random.
    """

    founders: int = 16
    elite: int = 24
    rank_decay: float = 4.0
    sketch_decay: float = 0.3
    even_share: float = 0.15
    crossover_share: float = 0.4
    mutation_share: float = 0.3
    random_share: float = 0.05

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least, most = _RANGES[name.rpartition("_")[2]]
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}; it must be from {least} to {most}")


def breed(
    space: SearchSpace, ledger: Ledger, n: int, rng: np.random.Generator, config: EvolutionConfig
) -> IntArray:
    """Up to `n` new children, fewer where the parents' neighbourhood is known already.

    Args:
        space: The design space.
        ledger: The population: everything that was measured. What failed never becomes a parent.
        n: How many.
        rng: Of the parents, and of what becomes of their knobs.
        config: How they breed.
    """
    rows, cost_s = ledger.ranked()
    if len(rows) < config.founders:
        return space.sample(0, rng)
    weights = _parent_weights(rows[:, 0], cost_s, config)
    children = rows[:0]
    for _ in range(_LITTERS):
        litter = _litter(space, rows, weights, 2 * n, rng, config)
        children = ledger.unknown(np.concatenate([children, litter]))[:n]
        if len(children) == n:
            break
    return children


def _litter(
    space: SearchSpace,
    rows: IntArray,
    weights: FloatArray,
    n: int,
    rng: np.random.Generator,
    config: EvolutionConfig,
) -> IntArray:
    """`n` children, known ones among them."""
    children = rows[rng.choice(len(rows), size=n, p=weights)]
    paired = rng.random(n) < config.crossover_share
    if paired.any():
        mothers = children[paired]
        fathers = rows[_mates(mothers[:, 0], rows[:, 0], weights, rng)]
        children[paired] = space.crossover(mothers, fathers, rng)
    mutated = ~paired | (rng.random(n) < config.mutation_share)
    if mutated.any():
        children[mutated] = space.mutate(children[mutated], rng)
    return children


def _parent_weights(
    sketch: NDArray[np.int32], cost_s: FloatArray, config: EvolutionConfig
) -> FloatArray:
    """Chance of each row (n,) to become a parent, given rows in order of latency.

    Sketches compete by their best row, rows by their rank within their sketch.
    """
    elites = [np.flatnonzero(sketch == one)[: config.elite] for one in np.unique(sketch)]
    behind = np.log([cost_s[elite[0]] / cost_s[0] for elite in elites])
    earned = np.exp(-behind / config.sketch_decay)
    shares = (1 - config.even_share) * earned / earned.sum() + config.even_share / len(elites)
    weights: FloatArray = np.zeros(len(cost_s))
    for elite, share in zip(elites, shares, strict=True):
        chances = np.exp(-np.arange(len(elite)) / config.rank_decay)
        weights[elite] = share * chances / chances.sum()
    return weights


def _mates(
    wanted: NDArray[np.int32],
    sketch: NDArray[np.int32],
    weights: FloatArray,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """For each sketch of `wanted` (n,), the index of a parent of that sketch."""
    chosen = np.empty(len(wanted), dtype=np.intp)
    for one in np.unique(wanted):
        asking = wanted == one
        chances = np.where(sketch == one, weights, 0.0)
        chosen[asking] = rng.choice(len(sketch), size=asking.sum(), p=chances / chances.sum())
    return chosen
