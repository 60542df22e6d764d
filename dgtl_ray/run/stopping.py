"""When a run of a function ends by itself: what `RunConfig(stop=…)` may be."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement

Stop = Mapping[str, float] | Callable[[str, dict[str, Any]], bool]


def read_stop(stop: Stop | Any | None, objective: Objective) -> Callable[[Measurement], str] | None:
    """Whether the run is to end, asked after each trial; it answers why, or "".

    Args:
        stop: A number for a metric, reached where a trial's is as good or better: at most that
            where the run minimises this metric, at least that for any other, as in Ray Tune; a
            function of a trial's name and metrics; or one of Ray Tune's stoppers.
        objective: Of the run.

    Raises:
        InputError: It is none of these.
    """
    if stop is None:
        return None
    if isinstance(stop, Mapping):
        return _Thresholds(dict(stop), objective)
    if callable(stop):
        return _Asked(stop, getattr(stop, "stop_all", lambda: False))
    raise InputError(f"stop is {stop!r}: give a dict of metrics, a function, or a stopper")


class _Thresholds:
    """Ends the run once a trial's metric is as good as a number."""

    def __init__(self, thresholds: Mapping[str, float], objective: Objective) -> None:
        self._thresholds = thresholds
        self._objective = objective

    def __call__(self, row: Measurement) -> str:
        for metric, limit in self._thresholds.items():
            value = (row.metrics or {}).get(metric)
            small = metric == self._objective.metric and self._objective.mode == "min"
            if value is not None and (value <= limit if small else value >= limit):
                return f"{metric} reached {value:.6g} (stop at {limit:.6g})"
        return ""


class _Asked:
    """Ends the run once a function, or a stopper, says so."""

    def __init__(
        self, stop: Callable[[str, dict[str, Any]], bool], all_over: Callable[[], bool]
    ) -> None:
        self._stop = stop
        self._all_over = all_over

    def __call__(self, row: Measurement) -> str:
        told = {**(row.metrics or {}), "config": json.loads(row.config)}
        if row.metrics is not None and (self._stop(row.measurement_id, told) or self._all_over()):
            return f"the stopper said so after {row.measurement_id}"
        return ""
