"""A `dgtl` whose predictions are kept beside what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.search.dgtl import DgtlProposer
from dgtl_ray.transfer.relatedness import rank_correlation

# Trials after which the rest of the space is predicted: the tuning set, and most of a search.
MOMENTS = (16, 64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Mean and std (n,) of log-latencies as predicted, and as measured afterwards."""

    mean: FloatArray
    std: FloatArray
    measured: FloatArray

    @classmethod
    def joined(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """All of them, one after the other; there must be one."""
        return cls(
            mean=np.concatenate([part.mean for part in parts]),
            std=np.concatenate([part.std for part in parts]),
            measured=np.concatenate([part.measured for part in parts]),
        )

    def held(self, share: float = 0.9) -> float:
        """Part of the measurements inside the central intervals that should hold `share`."""
        reach = NormalDist().inv_cdf(0.5 + share / 2)
        return float((np.abs(self.measured - self.mean) <= reach * self.std).mean())

    def ranking(self, fastest: float = 1.0) -> float:
        """Spearman's correlation of predicted and measured over so large a part, the fastest."""
        chosen = self._fastest(fastest)
        return rank_correlation(self.mean[chosen], self.measured[chosen]) or 0.0

    def error(self, fastest: float = 1.0) -> float:
        """By what factor predictions are off over so large a part, the fastest: geometric mean."""
        chosen = self._fastest(fastest)
        return float(np.exp(np.abs(self.mean[chosen] - self.measured[chosen]).mean()))

    def _fastest(self, part: float) -> NDArray[np.intp]:
        return np.argsort(self.measured)[: max(int(part * len(self.measured)), 2)]


class Watched:
    """Proposes as the `dgtl` inside it does.

    Args:
        proposer: That one.
        table: The recorded task it searches.

    Attributes:
        proposed: What was predicted of proposals, batch by batch.
        rest: What was predicted of everything not measured yet, by the number of trials before.
    """

    def __init__(self, proposer: DgtlProposer, table: RecordedTable) -> None:
        self._proposer = proposer
        self._table = table
        self._asked: list[int] = []
        self._latest: Proposal | None = None
        self.proposed: list[Predictions] = []
        self.rest: dict[int, Predictions] = {}

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations."""
        self._latest = self._proposer.propose(n)
        return self._latest

    def reserve(self, pool: IntArray) -> None:
        """Count configurations as proposed."""
        self._proposer.reserve(pool)

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Compare with what was predicted, and let the proposer learn."""
        latest, ok = self._latest, np.isfinite(cost_s)
        if latest is not None and latest.predicted_mean is not None:
            if latest.predicted_std is None:
                raise ValueError("a prediction without its standard deviation")
            self.proposed.append(
                Predictions(
                    mean=latest.predicted_mean[ok],
                    std=latest.predicted_std[ok],
                    measured=np.log(cost_s[ok]),
                )
            )
        self._proposer.observe(pool, cost_s, status, spent_s)
        self._asked += self._table.space.index_of(pool).tolist()
        if len(self._asked) in MOMENTS:
            self._predict_the_rest()

    def _predict_the_rest(self) -> None:
        open_ = np.isfinite(self._table.cost_s)
        open_[self._asked] = False
        told = self._proposer.predict(self._table.space.rows[open_])
        if told is not None:
            measured = np.log(self._table.cost_s[open_])
            self.rest[len(self._asked)] = Predictions(mean=told[0], std=told[1], measured=measured)
