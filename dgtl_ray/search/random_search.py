"""Uniform random search."""

from collections.abc import Sequence

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.sampling import sample_unknown


class RandomProposer:
    """Distinct feasible configurations, whatever was measured."""

    def __init__(self, context: ProposerContext) -> None:
        self._context = context
        self._ledger = Ledger()

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations."""
        context = self._context
        rng = stream(context.seed, context.task_key, "random", len(self._ledger))
        pool = sample_unknown(context.space, self._ledger, n, rng)
        self._ledger.reserve(pool)
        return Proposal(pool=pool, stage=Stage.SEARCH)

    def reserve(self, pool: IntArray) -> None:
        """Count configurations as proposed."""
        self._ledger.reserve(pool)

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Remember measurements, so that none is proposed again."""
        self._ledger.record(pool, cost_s, status, spent_s)
