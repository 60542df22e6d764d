"""Drawing configurations that are new to a search."""

import numpy as np

from dgtl_ray.core.roles import IntArray
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.space import SearchSpace


def sample_unknown(
    space: SearchSpace, ledger: Ledger, n: int, rng: np.random.Generator
) -> IntArray:
    """Up to `n` feasible rows that `ledger` does not know; fewer where drawing finds no more."""
    fresh = ledger.unknown(space.sample(2 * n, rng))
    if len(fresh) < n:
        # Of this many distinct rows at least n are new, if so many are found.
        fresh = ledger.unknown(space.sample(n + len(ledger), rng))
    return fresh[:n]
