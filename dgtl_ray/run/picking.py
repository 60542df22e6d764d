"""The best of some results by a metric, as Ray Tune's grids name it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective

# Ray Tune's: which of a trial's reports count. Here a trial has one.
_SCOPES = ("all", "last", "avg", "last-5-avg", "last-10-avg")


class _WithMetrics(Protocol):
    @property
    def metrics(self) -> Mapping[str, Any]: ...


R = TypeVar("R", bound=_WithMetrics)


def best_result(
    results: Sequence[R], objective: Objective, scope: str, *, filter_nan_and_inf: bool
) -> R:
    """The result with the best value of a metric.

    Args:
        results: To choose from.
        objective: The metric, and whether little or much of it is good.
        scope: One of Ray Tune's; the same for all of them, as a trial reports once.
        filter_nan_and_inf: Whether values that are not finite are left out.

    Raises:
        InputError: No result has that metric, or there is no such scope.
    """
    if scope not in _SCOPES:
        raise InputError(f"scope is {scope!r}: choose one of {', '.join(_SCOPES)}")
    found = [
        (value, result)
        for result in results
        if (value := result.metrics.get(objective.metric)) is not None
        and (math.isfinite(value) or not filter_nan_and_inf)
    ]
    if not found:
        raise InputError(f"no result tells {objective.metric!r}: see .errors for why they failed")
    best_value, best = found[0]
    for value, result in found[1:]:
        if objective.better(value, best_value):
            best_value, best = value, result
    return best
