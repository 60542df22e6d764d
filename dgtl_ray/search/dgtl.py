"""Deep Gaussian transfer learning: the proposer `dgtl`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.candidates import Candidates, spread_out
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.sampling import sample_unknown
from dgtl_ray.transfer.acquisition import choose_batch, favourites
from dgtl_ray.transfer.guard import Expert
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained
from dgtl_ray.transfer.relatedness import Relatedness
from dgtl_ray.transfer.success import success_probability
from dgtl_ray.transfer.surrogate import Surrogate
from dgtl_ray.transfer.target_gp import Tuning
from dgtl_ray.transfer.threads import one_thread
from dgtl_ray.transfer.trial_cost import relative_cost


@dataclass(frozen=True, kw_only=True)
class DgtlConfig:
    """How the search goes.

    Attributes:
        tuning_set: Configurations of the first stage.
        standing: Random configurations that stay in the pool during the whole search.
        favourites: Part of the first batch that are the sources' own favourites.
        escape_share: Part of each batch that a model gets, however unlikely it has become.
        selected: Let the model choose the tuning set; it is drawn at random otherwise.
        transferred_prior: Learn the prior of hyperparameters from history, too.
        tuning: How the model with history is tuned to the target.
        guard: Let a model without history share each batch.
        cost_aware: Choose by improvement per second that a trial takes, not by improvement alone.
        pretrain: How the deep GP is pre-trained, where that has not been done before.
    """

    tuning_set: int = 16
    standing: int = 8000
    favourites: float = 0.5
    escape_share: float = 0.5
    selected: bool = True
    transferred_prior: bool = True
    tuning: Tuning = Tuning.MAP
    guard: bool = True
    cost_aware: bool = False
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)

    def __post_init__(self) -> None:
        if self.tuning_set < 2:
            raise ValueError(f"tuning_set is {self.tuning_set}; it must be 2 or more")
        if self.standing < 1:
            raise ValueError(f"standing is {self.standing}; it must be 1 or more")
        if not 0 <= self.escape_share <= 0.5:
            raise ValueError(f"escape_share is {self.escape_share}; it must be from 0 to 0.5")


class DgtlProposer:
    """Bayesian search with what a deep GP knows of other tasks; without history, alone.

    A tuning set is chosen by the prior that history gives, the target's GP is tuned on everything
    measured by maximum a posteriori estimation, and batches come from joint expected improvement.

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
        self._context = context
        self._config = config or DgtlConfig()
        self._ledger = Ledger()
        self._candidates = Candidates(context, self._config.standing)
        standing = self._candidates.standing
        with one_thread():
            self.surrogate = Surrogate(
                self._encode(standing),
                standing,
                context.sources,
                guard=self._config.guard,
                transferred_prior=self._config.transferred_prior,
                tuning=self._config.tuning,
                pretrained=pretrained,
                config=self._config.pretrain,
            )

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations with what is expected of them."""
        known = len(self._ledger)
        stage = Stage.TUNING_SET if known < self._config.tuning_set else Stage.SEARCH
        rng = stream(self._context.seed, self._context.task_key, "dgtl", known)
        ranked, cost_s = self._ledger.ranked()
        pool = self._candidates.around(ranked, self._ledger, rng)
        blind = stage is Stage.TUNING_SET and not self._config.selected
        if n < 1 or not len(pool) or blind:
            rows = sample_unknown(self._context.space, self._ledger, n, rng)
            self._ledger.reserve(rows)
            return Proposal(pool=rows, stage=stage)
        with one_thread():
            rows, mean, std = self._choose(pool, ranked, cost_s, n, rng)
        self._ledger.reserve(rows)
        if len(rows) < n:
            more = sample_unknown(self._context.space, self._ledger, n - len(rows), rng)
            self._ledger.reserve(more)
            if len(more):
                return Proposal(pool=np.concatenate([rows, more]), stage=stage)
        return Proposal(pool=rows, stage=stage, predicted_mean=mean, predicted_std=std)

    def reserve(self, pool: IntArray) -> None:
        """Count configurations as proposed."""
        self._ledger.reserve(pool)

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Take measurements in; the model learns of them when it is asked next."""
        self._ledger.record(pool, cost_s, status, spent_s)

    @property
    def fallbacks(self) -> Sequence[str]:
        """What numerical trouble was met, and what was done without."""
        return self.surrogate.fallbacks

    def relatedness(self) -> tuple[Relatedness, ...]:
        """How related each source of history turned out to be, by what was measured so far."""
        ranked, cost_s = self._ledger.ranked()
        return self.surrogate.relatedness(self._points(ranked), cost_s)

    def predict(self, rows: IntArray) -> tuple[FloatArray, FloatArray] | None:
        """Mean and std (n,) of the log-latency of configurations; None before there is a model."""
        ranked, cost_s = self._ledger.ranked()
        with one_thread():
            experts = self.surrogate.experts(self._points(ranked), cost_s)
            if not experts or not len(ranked):
                return None
            return self.surrogate.predict(experts, self._points(rows))

    def _choose(
        self,
        pool: IntArray,
        ranked: IntArray,
        cost_s: FloatArray,
        n: int,
        rng: np.random.Generator,
    ) -> tuple[IntArray, FloatArray | None, FloatArray | None]:
        """Rows of the pool, and mean and std of their log-latency where a model was asked."""
        points = self._points(pool)
        experts = self.surrogate.experts(self._points(ranked), cost_s)
        if not experts:
            return pool[self._spread(points, n)], None, None
        picked = self._share_out(experts, points, n, rng)
        if not len(ranked):
            return pool[picked], None, None
        chosen = torch.tensor(picked)
        mean, std = self.surrogate.predict(experts, points[chosen])
        return pool[picked], mean, std

    def _share_out(
        self, experts: Sequence[Expert], points: Points, n: int, rng: np.random.Generator
    ) -> list[int]:
        """Each expert fills its part of the batch, the others' choices pending."""
        pending = self._points(self._ledger.pending())
        worth = self._worth(points)
        noise = torch.Generator().manual_seed(int(rng.integers(2**31)))
        picked: list[int] = []
        if experts[0].best is None and experts[0].informed:
            picked = favourites(points, int(self._config.favourites * n))
        everywhere = torch.arange(len(points))
        counts = self._counts(experts, n - len(picked))
        for expert, count in zip(experts, counts, strict=True):
            taken = torch.tensor(picked, dtype=torch.int64)
            some = everywhere[~torch.isin(everywhere, taken)]
            waiting = pending.and_also(points[taken])
            told, asked = points[some], waiting
            if not expert.informed:
                told, asked = told.without_sources(), asked.without_sources()
            found = choose_batch(expert.model, told, asked, expert.best, worth[some], count, noise)
            picked += [int(some[k]) for k in found]
        return picked

    def _worth(self, points: Points) -> torch.Tensor:
        """What a gain at each point (n,) counts: its probability of success, for what it costs."""
        measured = self._points(self._ledger.ranked()[0])
        failed = self._points(self._ledger.failed())
        success = success_probability(self.surrogate.layout, measured, failed, points)
        if not self._config.cost_aware:
            return success
        tried, spent_s = self._ledger.spent()
        return success / relative_cost(self.surrogate.layout, self._points(tried), spent_s, points)

    def _spread(self, points: Points, n: int) -> list[int]:
        """Indices of `n` points far from each other and from all that was asked for."""
        asked = [self._ledger.pending(), self._ledger.ranked()[0], self._ledger.failed()]
        taken = torch.cat([self._points(rows).features for rows in asked])
        return spread_out(points.features.numpy(), taken.numpy(), n)

    def _counts(self, experts: Sequence[Expert], n: int) -> list[int]:
        """How many of `n` each expert chooses; they add up to `n`.

        History has its least share only while one of its sources ranks the target's measurements.
        """
        if len(experts) < 2:
            return [n] * len(experts)
        least = int(self._config.escape_share * n)
        alone = max(least, round(experts[1].share * n))
        if any(source.trusted for source in self.relatedness()):
            alone = min(alone, n - least)
        return [n - alone, alone]

    def _points(self, rows: IntArray) -> Points:
        if not len(rows):
            rows = self._candidates.standing[:0]
        return self.surrogate.points(self._encode(rows), rows)

    def _encode(self, rows: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return self._context.space.encode(rows, self._context.device)
