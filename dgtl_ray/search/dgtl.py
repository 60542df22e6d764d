"""Deep Gaussian transfer learning: the proposer `dgtl`."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.breeding import EvolutionConfig, breed
from dgtl_ray.search.candidates import Candidates
from dgtl_ray.search.composing import Composer
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.dgtl_config import DgtlConfig
from dgtl_ray.search.ledger import Remembering
from dgtl_ray.search.sampling import sample_unknown
from dgtl_ray.search.turns import of_length, split
from dgtl_ray.transfer.calibration import Calibration
from dgtl_ray.transfer.guard import Expert
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.pretraining import Pretrained
from dgtl_ray.transfer.relatedness import Relatedness
from dgtl_ray.transfer.surrogate import Surrogate
from dgtl_ray.transfer.threads import one_thread

# Whoever was measured may become a parent.
_BREEDING = EvolutionConfig(founders=1)


class DgtlProposer(Remembering):
    """Bayesian search with what a deep GP knows of other tasks; without history, alone.

    A tuning set is chosen by the prior that history gives, the target's GP is tuned on everything
    measured by maximum a posteriori estimation, and BoTorch's acquisition functions choose batches.

    Args:
        context: The task, and its history.
        config: How the search goes.
        pretrained: The deep GP of that history, where it was made before.
    """

    def __init__(
        self,
        context: ProposerContext,
        config: DgtlConfig | None = None,
        pretrained: Pretrained | None = None,
    ) -> None:
        super().__init__(context)
        self._config = config or DgtlConfig()
        self._calibration = Calibration()
        self._candidates = Candidates(context, self._config.standing)
        standing = self._candidates.standing
        self._tips: IntArray = standing[:0]
        with one_thread():
            self.surrogate = Surrogate(
                partial(context.space.encode, device=context.device),
                standing,
                context.sources,
                guard=self._config.guard,
                transferred_prior=self._config.transferred_prior,
                tuning=self._config.tuning,
                pretrained=pretrained,
                config=self._config.pretrain,
            )
        self._composer = Composer(
            self._config, self.surrogate, self._ledger, self._points, context.acquisition
        )

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations with what is expected of them."""
        stage, known = self._composer.stage, len(self._ledger)
        rng = stream(self._context.seed, self._context.task_key, "dgtl", known)
        rows, turns = self._unasked(stage, range(known, known + n), rng)
        ranked, cost_s = self._ledger.ranked()
        experts: Sequence[Expert] = ()
        with one_thread():
            if stage is Stage.SEARCH or self._config.selected:
                experts = self.surrogate.experts(self._points(ranked), cost_s)
                rows = np.concatenate([rows, self._choose(experts, ranked, turns, rng)])
            more = sample_unknown(self._context.space, self._ledger, n - len(rows), rng)
            self._ledger.reserve(more)
            rows = np.concatenate([rows, more])
            if not experts or not len(ranked) or not len(rows):
                return Proposal(pool=rows, stage=stage)
            mean, std = self.surrogate.predict(experts, self._points(rows))
        self._calibration.expect(rows, mean, std)
        std = self._calibration.factor * std
        return Proposal(pool=rows, stage=stage, predicted_mean=mean, predicted_std=std)

    def suggest(self, pool: IntArray) -> None:
        """Consider configurations (n × columns) that are fast in a task alike, the best first."""
        self._tips = pool[self._context.space.feasible(pool)]

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Take measurements in; the model learns of them when it is asked next."""
        super().observe(pool, cost_s, status, spent_s)
        self._calibration.learn(pool, cost_s)

    @property
    def fallbacks(self) -> Sequence[str]:
        """What numerical trouble was met, and what was done without."""
        return self.surrogate.fallbacks

    @property
    def heard(self) -> bool:
        """Whether history has a say."""
        return self._composer.heard

    def relatedness(self) -> tuple[Relatedness, ...]:
        """How related each source of history turned out to be, by what was measured so far."""
        return self._composer.relatedness()

    def predict(self, rows: IntArray) -> tuple[FloatArray, FloatArray] | None:
        """Mean and std (n,) of the log-latency of configurations; None before there is a model."""
        ranked, cost_s = self._ledger.ranked()
        with one_thread():
            experts = self.surrogate.experts(self._points(ranked), cost_s)
            if not experts or not len(ranked):
                return None
            mean, std = self.surrogate.predict(experts, self._points(rows))
        return mean, self._calibration.factor * std

    def _unasked(
        self, stage: Stage, turns: range, rng: np.random.Generator
    ) -> tuple[IntArray, range]:
        """Rows that no model is asked about, and the turns left; the rows count as proposed.

        They are what kin found fast and, where the target's own model has nobody to correct it,
        children of the fastest.
        """
        tips = self._ledger.unknown(self._tips)
        breeding = stage is Stage.SEARCH and not self._composer.vouched
        tipped, bred, left = split(
            turns,
            self._config.tip_share if len(tips) else 0.0,
            self._config.bred_share if breeding else 0.0,
        )
        rows = tips[: len(tipped)]
        self._ledger.reserve(rows)
        if bred:
            children = breed(self._context.space, self._ledger, len(bred), rng, _BREEDING)
            self._ledger.reserve(children)
            rows = np.concatenate([rows, children])
        return rows, of_length(left, len(turns) - len(rows))

    def _choose(
        self, experts: Sequence[Expert], ranked: IntArray, turns: range, rng: np.random.Generator
    ) -> IntArray:
        """Rows of the pool for turns, as the experts like them; they count as proposed."""
        if not turns:
            return self._candidates.standing[:0]
        pool = self._candidates.around(ranked, self._ledger, rng)
        if not len(pool):
            return pool
        picked = self._composer.compose(experts, pool, self._points(pool), turns, rng)
        self._ledger.reserve(pool[picked])
        return pool[picked]

    def _points(self, rows: IntArray) -> Points:
        if not len(rows):
            rows = self._candidates.standing[:0]
        return self.surrogate.points(rows)
