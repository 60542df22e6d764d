"""AutoTVM's search, with its transfer from history.

Chen et al., "Learning to Optimize Tensor Programs", NeurIPS 2018: boosted trees learn to rank
configurations, simulated annealing finds those that rank highest, and every 64 measurements the
trees are grown anew. Knowledge of source tasks is a model that the target's trees start from.
"""

from dataclasses import dataclass, field

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.rivals.annealing import AnnealingConfig, anneal
from dgtl_ray.search.rivals.best_rows import BestRows
from dgtl_ray.search.rivals.boosted_trees import (
    BoostedTrees,
    Boosting,
    Features,
    Objective,
    import_xgboost,
    speeds,
)
from dgtl_ray.search.rivals.planning import PlanningProposer


@dataclass(frozen=True, kw_only=True)
class AutoTvmConfig:
    """AutoTVM's settings.

    Attributes:
        plan_size: Measurements between two fits.
        random_share: Part of each plan that is drawn at random.
        annealing: How the model's best configurations are found.
        least_history: Fewer measurements of source tasks are not learned from.
        half_life: After so many measurements of the target the sources count half.
    """

    plan_size: int = 64
    random_share: float = 0.05
    annealing: AnnealingConfig = field(default_factory=AnnealingConfig)
    least_history: int = 500
    half_life: float = 64.0


# Where the sources would count less than this they are forgotten.
_LEAST_DISCOUNT = 0.05


class AutoTvmProposer(PlanningProposer):
    """Boosted trees that rank, and simulated annealing.

    Raises:
        MissingExtraError: XGBoost is not installed.
    """

    def __init__(self, context: ProposerContext, config: AutoTvmConfig | None = None) -> None:
        self._config = config or AutoTvmConfig()
        super().__init__(
            context,
            name="autotvm",
            plan_size=self._config.plan_size,
            random_share=self._config.random_share,
        )
        import_xgboost()  # better missed now than after the first plan was measured
        self._base = self._learn_from_sources()
        self._points: IntArray | None = None

    def make_plan(
        self, rows: IntArray, cost_s: FloatArray, n: int, rng: np.random.Generator
    ) -> IntArray:
        """The `n` unmeasured rows that the model ranks highest, as far as annealing finds them."""
        space, config = self._context.space, self._config
        measured = np.isfinite(cost_s).any()
        if self._points is None or not len(self._points):
            self._points = space.sample(config.annealing.chains, rng)
        if self._base is None and not measured:
            return self._points[:0]
        target = self._fit(rows, cost_s, rng) if measured else None
        discount = self._discount(len(rows))

        def score(pool: IntArray) -> FloatArray:
            features = space.encode(pool, self._context.device)
            return self._score(features, target, discount)

        excluded = rows if len(rows) else self._points[:0]
        best = BestRows(n, excluded)
        self._points = anneal(space, score, self._points, best, config.annealing, rng)
        return best.rows()

    def _learn_from_sources(self) -> BoostedTrees | None:
        """One model of all source tasks, None where they hold too little."""
        sources = self._context.sources
        usable = [source for source in sources if np.isfinite(source.cost_s).any()]
        if sum(len(source.cost_s) for source in usable) < self._config.least_history:
            return None
        groups = [(source.encoding, speeds(source.cost_s)) for source in usable]
        boosting = Boosting(top=2 * self._config.plan_size, patience=100, rounds=400)
        return BoostedTrees(Objective.RANK, groups, boosting, self._context.seed)

    def _discount(self, measured: int) -> float:
        """How much the sources' model counts after so many measurements of the target."""
        discount = 2.0 ** (-measured / self._config.half_life)
        return discount if self._base is not None and discount >= _LEAST_DISCOUNT else 0.0

    def _margin(self, features: Features, discount: float) -> FloatArray | None:
        """What the sources' model gives the target's trees to start from."""
        if self._base is None or not discount:
            return None
        return discount * self._base.score(features)

    def _score(
        self, features: Features, target: BoostedTrees | None, discount: float
    ) -> FloatArray:
        margin = self._margin(features, discount)
        if target is not None:
            return target.score(features, margin)
        return np.zeros(len(features)) if margin is None else margin

    def _fit(self, rows: IntArray, cost_s: FloatArray, rng: np.random.Generator) -> BoostedTrees:
        order = rng.permutation(len(rows))
        features = self._context.space.encode(rows[order], self._context.device)
        margin = self._margin(features, self._discount(len(rows)))
        return BoostedTrees(
            Objective.RANK,
            [(features, speeds(cost_s[order]))],
            Boosting(top=self._config.plan_size),
            self._context.seed,
            None if margin is None else [margin],
        )
