"""Uniform random search."""

from dgtl_ray.core.measurement import Stage
from dgtl_ray.core.roles import Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.ledger import Remembering
from dgtl_ray.search.sampling import sample_unknown


class RandomProposer(Remembering):
    """Distinct feasible configurations, whatever was measured."""

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations."""
        context = self._context
        rng = stream(context.seed, context.task_key, "random", len(self._ledger))
        pool = sample_unknown(context.space, self._ledger, n, rng)
        self._ledger.reserve(pool)
        return Proposal(pool=pool, stage=Stage.SEARCH)
