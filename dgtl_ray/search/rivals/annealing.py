"""Simulated annealing over a model: many chains at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.rivals.best_rows import BestRows
from dgtl_ray.search.space import SearchSpace

Score = Callable[[IntArray], FloatArray]


@dataclass(frozen=True, kw_only=True)
class AnnealingConfig:
    """How the chains walk.

    Attributes:
        chains: Side by side.
        steps: Of each chain, at most.
        temperature: At the start; it falls linearly to 0.
        patience: Steps without a new row among the best that end the walk.
    """

    chains: int = 128
    steps: int = 500
    temperature: float = 1.0
    patience: int = 50


def anneal(
    space: SearchSpace,
    score: Score,
    starts: IntArray,
    best: BestRows,
    config: AnnealingConfig,
    rng: np.random.Generator,
) -> IntArray:
    """Walk from `starts` (chains × columns) and show every row visited to `best`.

    Returns:
        Where the chains ended.
    """
    points = starts.copy()
    scores = score(points)
    best.show(points, scores)
    last_kept = 0
    for step in range(config.steps):
        if step >= last_kept + config.patience or not len(points):
            break
        temperature = config.temperature * (1 - step / (config.steps + 1))
        tried = space.mutate(points, rng)
        tried_scores = score(tried)
        # The exponent is bounded lest it overflow; anything above 0 is accepted.
        accept = np.exp(np.minimum((tried_scores - scores) / (temperature + 1e-5), 1.0))
        moved = rng.random(len(points)) < accept
        points[moved], scores[moved] = tried[moved], tried_scores[moved]
        if best.show(tried, tried_scores):
            last_kept = step
    return points
