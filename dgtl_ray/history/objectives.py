"""What costs were made of: a time, or a metric of a user's function."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.core.function import LATENCY, Objective


def objective_of(
    told: Sequence[tuple[float, Mapping[str, float] | None]],
) -> Objective | None:
    """What costs were made of: a time, or one of the metrics; None where none explains them.

    Args:
        told: The costs of rows that were ok, each with its metrics; None where a kernel was timed.
    """
    if all(metrics is None or metrics.get(LATENCY) == cost for cost, metrics in told):
        return Objective()
    names = dict.fromkeys(name for _, metrics in told for name in metrics or {})
    possible = (Objective(metric=name, mode=mode) for name in names for mode in ("min", "max"))
    return next((one for one in possible if all(_explains(one, *row) for row in told)), None)


def _explains(objective: Objective, cost: float, metrics: Mapping[str, float] | None) -> bool:
    value = (metrics or {}).get(objective.metric)
    if value is None:
        return False
    try:
        return isclose(objective.cost_of(value), cost, rel_tol=1e-9)
    except (ValueError, OverflowError):
        return False


def metric_of(objective: Objective, cost: Any) -> Any:
    """The metric that has a cost, or those (n,) that have costs (n,): `cost_of` turned round."""
    if objective.is_time:
        return cost
    value = np.sinh(np.log(cost))
    return value if objective.mode == "min" else -value


def places_of_metrics(table: Any) -> Any:
    """The place of each row that can tell its objective; null of the others."""
    fine, told = pc.is_valid(table.column("cost_s")), pc.is_valid(table.column("metrics"))
    places = pa.array(np.arange(table.num_rows, dtype=np.int64))
    return pc.if_else(pc.and_(fine, told), places, pa.scalar(None, pa.int64()))


def objective_at(table: Any, places: Sequence[int | None]) -> Objective | None:
    """The objective of rows at places: one for a task, whose key is made of it."""
    known = [place for place in places if place is not None]
    costs, metrics = table.column("cost_s"), table.column("metrics")
    return objective_of([(costs[k].as_py(), dict(metrics[k].as_py())) for k in known])


def is_time(objective: Objective | None) -> bool:
    """Whether it is known, and seconds."""
    return objective is not None and objective.is_time


def metric_columns(
    objective: Objective | None, best: float | None, worst: float | None
) -> dict[str, Any]:
    """Columns that a history has beside those of times, where a function had another metric."""
    if objective is None:
        return {"objective": "cost (no unit)", "best": best, "worst": worst}
    told = None if objective.is_time else objective
    return {
        "objective": f"{objective.mode} {objective.metric}",
        "best": _metric(told, best),
        "worst": _metric(told, worst),
    }


def _metric(objective: Objective | None, cost: float | None) -> float | None:
    """Without the digits that were lost on the way there and back."""
    if objective is None or cost is None:
        return None
    return float(f"{metric_of(objective, cost):.12g}")
