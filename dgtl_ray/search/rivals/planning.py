"""Proposers that measure in the order of a plan, and plan anew once it was measured."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.roles import FloatArray, IntArray, Proposal
from dgtl_ray.core.seeds import stream
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.ledger import Remembering
from dgtl_ray.search.rivals.trial_log import TrialLog
from dgtl_ray.search.sampling import sample_unknown


class PlanningProposer(Remembering, ABC):
    """The loop that model-based tuners of compilers share.

    A first plan is measured, random rows where there is none; when as many configurations are
    known as it asked for, the next plan is made from all of them, and so on. A plan depends on
    the seed and on the measurements before it alone, so a search that is told again what it was
    told, in that order, goes on as if it had never stopped; but where something failed and ran
    when it was tried again, plans of before are then made knowing that.

    Args:
        context: The task.
        name: Of the proposer; its random streams hang on it.
        plan_size: Configurations of a plan.
        random_share: Part of each plan, its end, that random configurations replace.
    """

    def __init__(
        self, context: ProposerContext, *, name: str, plan_size: int, random_share: float
    ) -> None:
        super().__init__(context)
        self._name = name
        self._plan_size = plan_size
        self._random_share = random_share
        self._log = TrialLog()
        self._plan: IntArray | None = None
        self._plans = 0
        self._due = 0

    @abstractmethod
    def make_plan(
        self, rows: IntArray, cost_s: FloatArray, n: int, rng: np.random.Generator
    ) -> IntArray:
        """Up to `n` rows to measure next, best first; none means that random ones will do.

        Args:
            rows: Every configuration measured so far (m × columns), perhaps none.
            cost_s: Their latencies in seconds (m,), NaN where they failed.
            n: Rows that are wanted.
            rng: Source of every random choice.
        """

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations: of the plan, then random ones."""
        if n == 0:
            rng = stream(self._context.seed, "nothing")
            return Proposal(pool=self._context.space.sample(0, rng), stage=Stage.SEARCH)
        planned = self._ledger.unknown(self._current_plan())[:n]
        self._ledger.reserve(planned)
        rng = stream(self._context.seed, self._context.task_key, self._name, len(self._ledger))
        strangers = sample_unknown(self._context.space, self._ledger, n - len(planned), rng)
        self._ledger.reserve(strangers)
        return Proposal(pool=np.concatenate([planned, strangers]), stage=Stage.SEARCH)

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Learn of measurements."""
        super().observe(pool, cost_s, status, spent_s)
        self._log.record(pool, cost_s, status)

    def _current_plan(self) -> IntArray:
        """The plan in force, after those were made that have become due."""
        while self._plan is None or len(self._log) >= self._due:
            rng = stream(
                self._context.seed, self._context.task_key, self._name, "plan", self._plans
            )
            rows, cost_s = self._log.first(self._due)
            plan = self.make_plan(rows, cost_s, self._plan_size, rng)
            self._due += len(plan) or self._plan_size
            self._plan = plan[: len(plan) - int(self._random_share * len(plan))]
            self._plans += 1
        return self._plan
