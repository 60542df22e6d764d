"""What a run's costs are, in the words and numbers of a reader."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.function import Objective
from dgtl_ray.history.objectives import metric_of

_IN_A_SECOND = {"ms": 1e3, "us": 1e6}
_UNKNOWN = "cost (no unit)"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A latency, another time, any other metric of a function's, or a bare cost.

    Attributes:
        objective: What the costs were made of; None where no metric explains them.
    """

    objective: Objective | None

    @property
    def is_time(self) -> bool:
        """Whether costs are seconds."""
        return self.objective is not None and self.objective.is_time

    @property
    def name(self) -> str:
        """`latency`, or what the function calls it."""
        if self.objective is None:
            return "cost"
        metric = self.objective.metric
        return metric.removesuffix("_s") if self.is_time else metric

    @property
    def log_name(self) -> str:
        """What a cost's logarithm is: `Objective.cost_of` says why."""
        has_own = self.objective is None or self.is_time
        return f"log-{self.name}" if has_own else f"asinh({self.name})"

    def label(self, unit: str) -> str:
        """Name and unit for an axis; `unit`, `ms` or `us`, is of times."""
        if self.objective is None:
            return _UNKNOWN
        return f"{self.name}, {unit}" if self.is_time else self.name

    def shown(self, cost: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
        """The numbers that belong to the label (n,), of costs (n,)."""
        if self.objective is None:
            return cost
        return cost * _IN_A_SECOND[unit] if self.is_time else metric_of(self.objective, cost)

    def axis(self, shown: NDArray[np.float64], title: str) -> dict[str, Any]:
        """Plotly's settings of an axis of such numbers: of logarithms, where they have one."""
        known = shown[np.isfinite(shown)]
        return {"title": {"text": title}, "type": "log" if (known > 0).all() else "linear"}

    def scale(self, cost: NDArray[np.float64], unit: str) -> tuple[str, NDArray[np.float64]]:
        """Label and numbers (n,) for what has no axis of logarithms: times as theirs."""
        shown = self.shown(cost, unit)
        if self.is_time:
            return f"{self.name}, log10 {unit}", np.log10(shown)
        return self.label(unit), shown


def shared(quantities: Iterable[Quantity]) -> Quantity:
    """What several runs' costs are, if that is the same; else they have no unit in common."""
    distinct = set(quantities)
    return distinct.pop() if len(distinct) == 1 else Quantity(objective=None)
