"""Evolutionary search: the fastest configurations breed."""

import numpy as np

from dgtl_ray.core.measurement import Stage
from dgtl_ray.core.roles import Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.breeding import EvolutionConfig, breed
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Remembering
from dgtl_ray.search.sampling import sample_unknown


class EvolutionaryProposer(Remembering):
    """A genetic algorithm over knobs, its population everything that was measured."""

    def __init__(self, context: ProposerContext, config: EvolutionConfig | None = None) -> None:
        super().__init__(context)
        self._config = config or EvolutionConfig()

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
