"""When a run of a function ends by itself: what `RunConfig(stop=…)` may be."""

from collections.abc import Callable, Mapping
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective, configuration
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.run.callback_trial import ray_result

Stop = Mapping[str, float] | Callable[[str, dict[str, Any]], bool]


def read_stop(stop: Stop | Any | None, objective: Objective) -> Callable[[Measurement], str] | None:
    """Whether the run is to end, asked after each trial; it answers why, or "".

    Args:
        stop: A number for a metric, reached where a trial's is as good or better: at most that
            where the run minimises this metric, at least that for any other. Or one of Ray Tune's
            stoppers, whose `stop_all` ends the run. Or a function of a trial's name and of what it
            told, which ends its trial alone, as in Ray Tune: here that has ended by then.
        objective: Of the run.

    Raises:
        InputError: It is none of these.
    """
    if stop is None:
        return None
    if isinstance(stop, Mapping):
        return _Thresholds(stop, objective)
    if callable(stop):
        return _Asked(stop)
    raise InputError(f"stop is {stop!r}: give a dict of metrics, a function, or a stopper")


class _Thresholds:
    """Ends the run once a trial's metric is as good as a number.

    Raises:
        InputError: It is to be as good as something else.
    """

    def __init__(self, thresholds: Mapping[str, Any], objective: Objective) -> None:
        try:
            self._thresholds = {str(name): float(limit) for name, limit in thresholds.items()}
        except (TypeError, ValueError) as error:
            raise InputError(f"stop is {thresholds!r}: give a number for each metric") from error
        self._objective = objective

    def __call__(self, row: Measurement) -> str:
        for metric, limit in self._thresholds.items():
            value = (row.metrics or {}).get(metric)
            small = metric == self._objective.metric and self._objective.mode == "min"
            if value is not None and (value <= limit if small else value >= limit):
                return f"{metric} reached {value:.6g} (stop at {limit:.6g})"
        return ""


class _Asked:
    """Tells a function, or a stopper, of each trial; ends the run once `stop_all` says so.

    What it answers of a trial would end that trial, which has ended: here it reports once.
    """

    def __init__(self, stop: Callable[[str, dict[str, Any]], Any]) -> None:
        self._stop = stop
        self._all_over: Callable[[], Any] = getattr(stop, "stop_all", lambda: False)

    def __call__(self, row: Measurement) -> str:
        try:
            if row.status is Status.OK:
                self._stop(row.measurement_id, ray_result(row, configuration(row.config)))
            is_over = bool(self._all_over())
        except Exception as error:
            name = getattr(self._stop, "__name__", type(self._stop).__name__)
            raise InputError(f"stop {name} raised after {row.measurement_id}: {error!r}") from error
        return f"the stopper said so after {row.measurement_id}" if is_over else ""
