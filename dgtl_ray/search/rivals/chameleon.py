"""CHAMELEON's search.

Ahn et al., "Chameleon: Adaptive Code Optimization for Expedited Deep Neural Network Compilation",
ICLR 2020: an agent learns by reinforcement to walk towards what the cost model thinks is fast,
and of the many good candidates that it finds only the centres of their clusters are measured.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.rivals.adaptive_sampling import sample_adaptively
from dgtl_ray.search.rivals.best_rows import BestRows
from dgtl_ray.search.rivals.boosted_trees import (
    BoostedTrees,
    Boosting,
    Objective,
    import_xgboost,
    speeds,
)
from dgtl_ray.search.rivals.exploration import ExplorationConfig, Explorer
from dgtl_ray.search.rivals.planning import PlanningProposer
from dgtl_ray.search.rivals.ppo import PpoAgent, PpoConfig


@dataclass(frozen=True, kw_only=True)
class ChameleonConfig:
    """CHAMELEON's settings.

    Attributes:
        plan_size: Random measurements to begin with, and candidates of each later plan.
        random_share: Part of each plan that is drawn at random.
        exploration: How the agent walks.
        ppo: How it learns.
    """

    plan_size: int = 64
    random_share: float = 0.05
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    ppo: PpoConfig = field(default_factory=PpoConfig)


class ChameleonProposer(PlanningProposer):
    """Reinforcement learning over a model of boosted trees, and adaptive sampling.

    Raises:
        MissingExtraError: XGBoost is not installed.
    """

    def __init__(self, context: ProposerContext, config: ChameleonConfig | None = None) -> None:
        self._config = config or ChameleonConfig()
        super().__init__(
            context,
            name="chameleon",
            plan_size=self._config.plan_size,
            random_share=self._config.random_share,
        )
        import_xgboost()  # better missed now than after the first plan was measured

    def make_plan(
        self, rows: IntArray, cost_s: FloatArray, n: int, rng: np.random.Generator
    ) -> IntArray:
        """The centres of the `n` best candidates that the agent finds."""
        space, device = self._context.space, self._context.device
        if not np.isfinite(cost_s).any():
            return space.sample(0, rng)
        model = BoostedTrees(
            Objective.REGRESSION,
            [(space.encode(rows, device), speeds(cost_s))],
            Boosting(top=self._config.plan_size),
            self._context.seed,
        )
        best = BestRows(n, rows)
        self._explorer.explore(lambda pool: model.score(space.encode(pool, device)), best, rng)
        return sample_adaptively(space, best.rows(), rows, rng)

    @cached_property
    def _explorer(self) -> Explorer:
        """Made when it is needed: a space that is smaller than a plan needs none."""
        context = self._context
        sketches, knobs = context.space.knob_sizes.shape
        rng = stream(context.seed, context.task_key, "chameleon", "agent")
        agent = PpoAgent(knobs + sketches, knobs, rng, self._config.ppo)
        return Explorer(context.space, agent, self._config.exploration)
