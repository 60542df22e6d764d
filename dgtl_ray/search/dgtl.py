"""Deep Gaussian transfer learning: the proposer `dgtl`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.candidates import Candidates, neighbours_of, representatives, spread_out
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.sampling import sample_unknown
from dgtl_ray.transfer.acquisition import choose_batch, first_batch, log_expected_improvement
from dgtl_ray.transfer.calibration import Calibration
from dgtl_ray.transfer.guard import ALL_SOURCES, Expert
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained
from dgtl_ray.transfer.relatedness import Relatedness
from dgtl_ray.transfer.success import success_probability
from dgtl_ray.transfer.surrogate import Surrogate
from dgtl_ray.transfer.target_gp import Tuning
from dgtl_ray.transfer.threads import one_thread
from dgtl_ray.transfer.trial_cost import relative_cost

# Single sources that choose for themselves, and configurations, their favourites, that each
# chooses from.
OPINIONS, FAVOURITES = 2, 2000
# Probability of success from which on a configuration may represent others.
LIKELY = 0.5


@dataclass(frozen=True, kw_only=True)
class DgtlConfig:
    """How the search goes.

    Attributes:
        tuning_set: Configurations of the first stage.
        standing: Random configurations that stay in the pool during the whole search.
        representative_share: Part of each batch of the tuning set, where there is history, that
            represents the whole space.
        escape_share: Part of each batch that a model gets, however unlikely it has become.
        local_share: Part of each batch, after the tuning set, that are neighbours of the fastest.
        opinion_share: Of what the model with history chooses then, the part that it leaves to
            single sources.
        selected: Let the model choose the tuning set; it is drawn at random otherwise.
        transferred_prior: Learn the prior of hyperparameters from history, too.
        tuning: How the model with history is tuned to the target.
        guard: Let a model without history share each batch.
        cost_aware: Choose by improvement per second that a trial takes, not by improvement alone.
        pretrain: How the deep GP is pre-trained, where that has not been done before.
    """

    tuning_set: int = 16
    standing: int = 8000
    representative_share: float = 0.25
    escape_share: float = 0.5
    local_share: float = 0.25
    opinion_share: float = 0.5
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
        for name in ("representative_share", "escape_share", "local_share"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 0.5")
        if not 0 <= self.opinion_share <= 1:
            raise ValueError(f"opinion_share is {self.opinion_share}; it must be from 0 to 1")


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
        self._calibration = Calibration()
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
        stage = self._stage()
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
        self._calibration.learn(pool, cost_s)

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
            mean, std = self.surrogate.predict(experts, self._points(rows))
        return mean, self._calibration.factor * std

    def _stage(self) -> Stage:
        known = len(self._ledger)
        return Stage.TUNING_SET if known < self._config.tuning_set else Stage.SEARCH

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
        picked = self._share_out(experts, points, pool, n, rng)
        if not len(ranked):
            return pool[picked], None, None
        chosen = torch.tensor(picked)
        mean, std = self.surrogate.predict(experts, points[chosen])
        self._calibration.expect(pool[picked], mean, std)
        return pool[picked], mean, self._calibration.factor * std

    def _share_out(
        self,
        experts: Sequence[Expert],
        points: Points,
        pool: IntArray,
        n: int,
        rng: np.random.Generator,
    ) -> list[int]:
        """Each expert fills its part of the batch, the others' choices pending."""
        pending = self._points(self._ledger.pending())
        worth = self._worth(points)
        noise = torch.Generator().manual_seed(int(rng.integers(2**31)))
        if not experts[0].informed or self._stage() is Stage.SEARCH:
            picked = self._local(experts, points, pool, n)
            return self._ask(experts, points, picked, worth, n, noise)
        count = n - round(self._config.representative_share * n)
        if experts[0].best is None:
            picked = first_batch(experts[0].model, points, pending, worth, count, noise)
        else:
            picked = self._ask(experts, points, [], worth, count, noise)
        return picked + self._represent(points, picked, n - count)

    def _ask(
        self,
        experts: Sequence[Expert],
        points: Points,
        picked: list[int],
        worth: torch.Tensor,
        n: int,
        noise: torch.Generator,
    ) -> list[int]:
        """Indices of `n` points: those picked, and what the experts add to them."""
        pending = self._points(self._ledger.pending())
        for expert, count in self._parts(experts, n - len(picked)):
            taken = torch.tensor(picked, dtype=torch.int64)
            open_ = self._open(expert, points, taken)
            told, asked = points[open_], pending.and_also(points[taken])
            found = choose_batch(
                expert.model,
                expert.told(told),
                expert.told(asked),
                expert.best,
                worth[open_],
                count,
                noise,
            )
            picked = picked + [int(open_[k]) for k in found]
        return picked

    def _represent(self, points: Points, picked: list[int], n: int) -> list[int]:
        """Indices of `n` points more that represent the space, of those that are likely to run.

        Whoever has seen nothing but what history likes does not know what is wrong with the rest:
        a model of favourites alone cannot guard against them.
        """
        likely = np.flatnonzero(self._success(points).numpy() >= LIKELY)
        left = np.setdiff1d(likely, picked)
        if n < 1 or not len(left):
            return []
        features = points.features.numpy()
        taken = np.concatenate([self._asked(), features[picked]])
        return [int(left[k]) for k in representatives(features[left], taken, n)]

    def _open(self, expert: Expert, points: Points, taken: torch.Tensor) -> torch.Tensor:
        """Indices of what an expert may choose from; of a single source's, its favourites."""
        everywhere = torch.arange(len(points))
        if expert.informed and expert.sources != ALL_SOURCES:
            expected = expert.told(points).sources[:, 0]
            everywhere = torch.argsort(expected, stable=True)[:FAVOURITES]
        return everywhere[~torch.isin(everywhere, taken)]

    def _local(
        self, experts: Sequence[Expert], points: Points, pool: IntArray, n: int
    ) -> list[int]:
        """Indices of neighbours of the fastest, those that are expected to gain most.

        A knob that no model has understood yet can make a neighbour look hopeless that is not.
        """
        ranked, cost_s = self._ledger.ranked()
        count = round(self._config.local_share * n)
        if self._stage() is Stage.TUNING_SET or not len(ranked):
            return []
        near = torch.from_numpy(neighbours_of(ranked, pool, count))
        mean, std = self.surrogate.predict(experts, points[near])
        best = float(np.log(cost_s[0]))
        gain = log_expected_improvement(torch.from_numpy(mean), torch.from_numpy(std), best)
        return near[torch.argsort(gain, descending=True, stable=True)[:count]].tolist()

    def _parts(self, experts: Sequence[Expert], n: int) -> list[tuple[Expert, int]]:
        """Who chooses how many of `n`, one after the other.

        After the tuning set the model with history leaves some to single sources, the two that
        explain best what was measured.
        """
        counts = self._counts(experts, n)
        left = round(self._config.opinion_share * counts[0])
        opinions = list[Expert]()
        if experts[0].informed and left and self._stage() is Stage.SEARCH:
            opinions = self.surrogate.opinions(experts[0])[:OPINIONS]
        turns = [(left + OPINIONS - 1 - k) // OPINIONS for k in range(OPINIONS)]
        parts = list(zip(opinions, turns, strict=False))
        counts[0] -= sum(count for _, count in parts)
        return [*parts, *zip(experts, counts, strict=True)]

    def _worth(self, points: Points) -> torch.Tensor:
        """What a gain at each point (n,) counts: its probability of success, for what it costs."""
        success = self._success(points)
        if not self._config.cost_aware:
            return success
        tried, spent_s = self._ledger.spent()
        return success / relative_cost(self.surrogate.layout, self._points(tried), spent_s, points)

    def _success(self, points: Points) -> torch.Tensor:
        """Probability (n,) that each builds and runs.

        History has a say until the target has shown by itself what fails.
        """
        measured = self._points(self._ledger.ranked()[0])
        failed = self._points(self._ledger.failed())
        success = success_probability(self.surrogate.layout, measured, failed, points)
        past = self.surrogate.past_success
        if past is not None and self._stage() is Stage.TUNING_SET:
            success = success * past(points)
        return success

    def _spread(self, points: Points, n: int) -> list[int]:
        """Indices of `n` points that tell of the whole space, where no model can choose.

        Half of them represent the others, and half lie at the edges: where optima are is not known.
        """
        taken = self._asked()
        features = points.features.numpy()
        inner = representatives(features, taken, n // 2)
        left = np.setdiff1d(np.arange(len(features)), inner)
        taken = np.concatenate([taken, features[inner]])
        outer = spread_out(features[left], taken, n - len(inner))
        return inner + [int(k) for k in left[outer]]

    def _asked(self) -> FloatArray:
        """Scaled encodings (n × features) of all that was asked for."""
        asked = [self._ledger.pending(), self._ledger.ranked()[0], self._ledger.failed()]
        return torch.cat([self._points(rows).features for rows in asked]).numpy()

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
