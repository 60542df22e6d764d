"""Who chooses how many of a batch: models, neighbours, representatives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.measurement import Stage
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.candidates import neighbours_of, representatives, spread_out
from dgtl_ray.search.dgtl_config import DgtlConfig
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.turns import of_length, split
from dgtl_ray.transfer.acquisition import choose_batch, first_batch, log_expected_improvement
from dgtl_ray.transfer.guard import ALL_SOURCES, Expert
from dgtl_ray.transfer.points import Points, join
from dgtl_ray.transfer.relatedness import Relatedness
from dgtl_ray.transfer.success import success_probability
from dgtl_ray.transfer.surrogate import Surrogate
from dgtl_ray.transfer.trial_cost import relative_cost

# Single sources that choose for themselves, and configurations, their favourites, that each
# chooses from.
OPINIONS, FAVOURITES = 2, 2000
# Probability of success from which on a configuration may represent others.
LIKELY = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class _Offer:
    """What a batch is chosen from.

    Attributes:
        pool: Rows (m × columns).
        points: The same as the models see them.
        pending: What was asked for and is not measured yet.
        success: Probability (m,) that each builds and runs.
        worth: What a gain at each counts (m,).
        noise: Source of sample paths.
    """

    pool: IntArray
    points: Points
    pending: Points
    success: torch.Tensor
    worth: torch.Tensor
    noise: torch.Generator


class Composer:
    """Composes batches from a pool.

    Args:
        config: Everyone's shares.
        surrogate: The models.
        ledger: What was asked for, and what came of it.
        points: Configurations, as the models see them.
        acquisition: What models choose by, once something was measured.
    """

    def __init__(
        self,
        config: DgtlConfig,
        surrogate: Surrogate,
        ledger: Ledger,
        points: Callable[[IntArray], Points],
        acquisition: Acquisition = ACQUISITION,
    ) -> None:
        self._config = config
        self._surrogate = surrogate
        self._ledger = ledger
        self._points = points
        self._acquisition = acquisition

    @property
    def stage(self) -> Stage:
        """Whether the tuning set is complete."""
        known = len(self._ledger)
        return Stage.TUNING_SET if known < self._config.tuning_set else Stage.SEARCH

    @property
    def heard(self) -> bool:
        """Whether history has a say."""
        ranked, cost_s = self._ledger.ranked()
        return self._surrogate.heard(self._points(ranked), cost_s)

    @property
    def vouched(self) -> bool:
        """Whether history is heard, and one of its sources ranks what was measured."""
        return self.heard and any(source.trusted for source in self.relatedness())

    def compose(
        self,
        experts: Sequence[Expert],
        pool: IntArray,
        points: Points,
        turns: range,
        rng: np.random.Generator,
    ) -> list[int]:
        """Indices of a pool, at most one a turn: each expert has its part, the others' pending.

        Args:
            experts: The models; there may be none yet.
            pool: Rows (m × columns) to choose from.
            points: The same as the models see them.
            turns: Of the search, that are to be filled.
            rng: Source of sample paths.
        """
        if not experts:
            return self._spread(points, turns)
        success = self._success(points, informed=experts[0].informed)
        offer = _Offer(
            pool=pool,
            points=points,
            pending=self._points(self._ledger.pending()),
            success=success,
            worth=self._worth(points, success),
            noise=torch.Generator().manual_seed(int(rng.integers(2**31))),
        )
        if experts[0].informed and self.stage is Stage.TUNING_SET:
            return self._tuning_set(experts, offer, turns)
        near, left = self._local(experts, offer, turns)
        return self._ask(experts, offer, near, left)

    def relatedness(self) -> tuple[Relatedness, ...]:
        """How related each source of history turned out to be, by what was measured so far."""
        ranked, cost_s = self._ledger.ranked()
        return self._surrogate.relatedness(self._points(ranked), cost_s)

    def _tuning_set(self, experts: Sequence[Expert], offer: _Offer, turns: range) -> list[int]:
        """Indices of points, most of them chosen for what history expects of them."""
        representing, left = split(turns, self._config.representative_share)
        if experts[0].best is None:
            picked = first_batch(
                experts[0].model, offer.points, offer.pending, offer.worth, len(left), offer.noise
            )
        else:
            picked = self._ask(experts, offer, [], left)
        return picked + self._represent(offer, picked, len(representing))

    def _ask(
        self, experts: Sequence[Expert], offer: _Offer, picked: list[int], turns: range
    ) -> list[int]:
        """Indices of points: those picked, and what the experts add to them, one a turn."""
        for expert, count in self._parts(experts, turns):
            taken = torch.tensor(picked, dtype=torch.int64)
            open_ = self._open(expert, offer.points, taken)
            told, asked = offer.points[open_], join(offer.pending, offer.points[taken])
            found = choose_batch(
                expert.model,
                expert.told(told),
                expert.told(asked),
                expert.best,
                offer.worth[open_],
                count,
                offer.noise,
                self._acquisition,
            )
            picked = picked + [int(open_[k]) for k in found]
        return picked

    def _represent(self, offer: _Offer, picked: list[int], n: int) -> list[int]:
        """Indices of `n` points more that represent the space, of those that are likely to run.

        Whoever has seen nothing but what history likes does not know what is wrong with the rest:
        a model of favourites alone cannot guard against them.
        """
        left = np.setdiff1d(np.flatnonzero(offer.success.numpy() >= LIKELY), picked)
        if n < 1 or not len(left):
            return []
        features = offer.points.features.numpy()
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
        self, experts: Sequence[Expert], offer: _Offer, turns: range
    ) -> tuple[list[int], range]:
        """Indices of neighbours of the fastest that are expected to gain most, and turns left.

        A knob that no model has understood yet can make a neighbour look hopeless that is not.
        """
        ranked, cost_s = self._ledger.ranked()
        if self.stage is Stage.TUNING_SET or not len(ranked) or not self.vouched:
            return [], turns
        local, left = split(turns, self._config.local_share)
        if not local:
            return [], left
        near = torch.from_numpy(neighbours_of(ranked, offer.pool, len(local)))
        mean, std = self._surrogate.predict(experts, offer.points[near])
        best = float(np.log(cost_s[0]))
        gain = log_expected_improvement(torch.from_numpy(mean), torch.from_numpy(std**2), best)
        best_first = torch.argsort(gain, descending=True, stable=True)
        picked: list[int] = near[best_first[: len(local)]].tolist()
        return picked, of_length(left, len(turns) - len(picked))

    def _parts(self, experts: Sequence[Expert], turns: range) -> list[tuple[Expert, int]]:
        """Who chooses how many, one after the other, of as many as there are turns."""
        guarding, first = split(turns, self._guard_share(experts))
        opinions = self._opinions(experts[0], first)
        left = len(first) - sum(count for _, count in opinions)
        return [*opinions, *zip(experts, (left, len(guarding)), strict=False)]

    def _opinions(self, whole: Expert, turns: range) -> list[tuple[Expert, int]]:
        """How many of its turns the model with history leaves to single sources.

        They are the two that explain best what was measured, and choose after the tuning set.
        """
        *parts, _ = split(turns, *[self._config.opinion_share / OPINIONS] * OPINIONS)
        if not whole.informed or self.stage is Stage.TUNING_SET or not any(parts):
            return []
        return [
            (source, len(part))
            for source, part in zip(self._surrogate.opinions(whole), parts, strict=False)
        ]

    def _guard_share(self, experts: Sequence[Expert]) -> float:
        """Share of the second expert, the model without history; 0 where there is but one.

        History has its least share only while one of its sources ranks the target's measurements,
        and less of it as these become more than the tuning set: then they speak for themselves.
        """
        if len(experts) < 2:
            return 0.0
        share = max(self._config.escape_share, experts[1].share)
        if self.vouched:
            outgrown = max(1.0, len(self._ledger.ranked()[0]) / self._config.tuning_set)
            share = min(share, 1.0 - self._config.escape_share / outgrown)
        return share

    def _worth(self, points: Points, success: torch.Tensor) -> torch.Tensor:
        """What a gain at each point (n,) counts: its probability of success, for what it costs."""
        if not self._config.cost_aware:
            return success
        tried, spent_s = self._ledger.spent()
        return success / relative_cost(self._surrogate.layout, self._points(tried), spent_s, points)

    def _success(self, points: Points, *, informed: bool) -> torch.Tensor:
        """Probability (n,) that each builds and runs.

        History has a say until the target has shown by itself what fails.
        """
        measured = self._points(self._ledger.ranked()[0])
        failed = self._points(self._ledger.failed())
        success = success_probability(self._surrogate.layout, measured, failed, points)
        past = self._surrogate.past_success
        if past is not None and informed and self.stage is Stage.TUNING_SET:
            success = success * past(points)
        return success

    def _spread(self, points: Points, turns: range) -> list[int]:
        """Indices of points that tell of the whole space, where no model can choose.

        Half of them represent the others, and half lie at the edges: where optima are is not known.
        """
        taken = self._asked()
        features = points.features.numpy()
        _, inside = split(turns, 0.5)
        inner = representatives(features, taken, len(inside))
        left = np.setdiff1d(np.arange(len(features)), inner)
        taken = np.concatenate([taken, features[inner]])
        outer = spread_out(features[left], taken, len(turns) - len(inner))
        return inner + [int(k) for k in left[outer]]

    def _asked(self) -> FloatArray:
        """Scaled encodings (n × features) of all that was asked for."""
        asked = [self._ledger.pending(), self._ledger.ranked()[0], self._ledger.failed()]
        return torch.cat([self._points(rows).features for rows in asked]).numpy()
