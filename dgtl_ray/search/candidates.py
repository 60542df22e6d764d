"""The pool that a surrogate chooses from."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from dgtl_ray.core.roles import IntArray
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Ledger

# Fastest configurations whose neighbourhood joins it, and how many neighbours each sends.
ELITE = 16
NEIGHBOURS = 64
# Rows of a pool among which representatives are chosen.
REPRESENTED = 1000


class Candidates:
    """Random configurations, drawn once, and neighbours of the fastest, drawn anew each time.

    Args:
        context: The task.
        standing: How many are drawn once.
    """

    def __init__(self, context: ProposerContext, standing: int) -> None:
        self._context = context
        rng = stream(context.seed, context.task_key, "candidates")
        self.standing: IntArray = context.space.sample(standing, rng)
        self._whole = len(self.standing) == context.space.size

    def around(self, elite: IntArray, ledger: Ledger, rng: np.random.Generator) -> IntArray:
        """Configurations (n × columns) that the ledger does not know, each once.

        Args:
            elite: The fastest configurations so far, fastest first.
            ledger: What was proposed or observed.
            rng: Of the neighbours.
        """
        if self._whole or not len(elite):
            return ledger.unknown(self.standing)
        space = self._context.space
        parents = np.repeat(elite[:ELITE], NEIGHBOURS, axis=0)
        near = space.mutate(parents, rng)
        # Two steps away: a knob's change often pays only together with another's.
        far = space.mutate(near[::2], rng)
        return ledger.unknown(np.concatenate([self.standing, near, far]))


def neighbours_of(ranked: IntArray, pool: IntArray, least: int) -> NDArray[np.intp]:
    """Indices of rows of a pool that differ in one knob from the fastest configuration.

    Where they are fewer than `least`, those of the next fastest join them, and so on, as far as
    the elite goes.

    Args:
        ranked: Measured configurations, fastest first.
        pool: Rows (n × columns).
        least: How many are wanted; fewer only where there are no more.
    """
    near = np.zeros(len(pool), dtype=np.bool_)
    for row in ranked[:ELITE]:
        near |= (pool != row).sum(axis=1) == 1
        if near.sum() >= least:
            break
    return np.flatnonzero(near)


def representatives(features: NDArray[np.float64], taken: NDArray[np.float64], n: int) -> list[int]:
    """Greedy k-medoids: up to `n` rows from which, and from those taken, no other row is far.

    Each lowers the sum of all rows' distances to the nearest most (Nemhauser et al. 1978: greedy
    is within 1 − 1/e of the best reduction).

    Args:
        features: Scaled encoding of the pool, in random order; its first thousand rows stand for
            all of it.
        taken: Scaled encodings of what was chosen before.
        n: How many.
    """
    some = features[:REPRESENTED]
    away = cdist(some, some)
    nearest = cdist(some, taken).min(axis=1, initial=np.inf) if len(taken) else away.max(axis=1)
    chosen: list[int] = []
    while len(chosen) < min(n, len(some)):
        left = np.minimum(nearest[:, None], away).sum(axis=0)
        left[chosen] = np.inf
        # Rounded, so that the last bits of a sum decide nothing.
        chosen.append(int(np.round(left, 6).argmin()))
        nearest = np.minimum(nearest, away[:, chosen[-1]])
    return chosen


def spread_out(features: NDArray[np.float64], taken: NDArray[np.float64], n: int) -> list[int]:
    """Greedy maximin: up to `n` rows of features, each as far as can be from all before it.

    Args:
        features: Scaled encoding of the pool, in random order.
        taken: Scaled encodings of what was chosen before.
        n: How many.
    """
    if not len(features) or n < 1:
        return []
    chosen = [] if len(taken) else [0]
    near = np.concatenate([taken, features[chosen]]) if chosen else taken
    nearest = cdist(features, near, "sqeuclidean").min(axis=1)
    while len(chosen) < min(n, len(features)):
        nearest[chosen] = -1.0
        # Rounded, so that the last bits of a sum decide nothing.
        pick = int(np.round(nearest, 9).argmax())
        chosen.append(pick)
        nearest = np.minimum(nearest, np.square(features - features[pick]).sum(axis=1))
    return chosen
