"""Evolutionary search: the fastest configurations breed."""

from collections.abc import Sequence

import numpy as np

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.breeding import EvolutionConfig, breed
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.sampling import sample_unknown


class EvolutionaryProposer:
    """A genetic algorithm over knobs, its population everything that was measured."""

    def __init__(self, context: ProposerContext, config: EvolutionConfig | None = None) -> None:
        self._context = context
        self._config = config or EvolutionConfig()
        self._ledger = Ledger()

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations: children of the fastest, and some at random."""
        context = self._context
        rng = stream(context.seed, context.task_key, "evolutionary", len(self._ledger))
        count = n - rng.binomial(n, self._config.random_share)
        children = breed(context.space, self._ledger, count, rng, self._config)
        self._ledger.reserve(children)
        strangers = sample_unknown(context.space, self._ledger, n - len(children), rng)
        self._ledger.reserve(strangers)
        return Proposal(pool=np.concatenate([children, strangers]), stage=Stage.SEARCH)

    def reserve(self, pool: IntArray) -> None:
        """Count configurations as proposed."""
        self._ledger.reserve(pool)

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Take measurements into the population; what failed never becomes a parent."""
        self._ledger.record(pool, cost_s, status, spent_s)
