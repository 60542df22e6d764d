"""What Optuna's storages tell alike, whichever of them it is: a study, and its trials."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.task import Config, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.values import judged, metric_in_seconds, moment_of, number

_VALUE = "value"


class OptunaTrial(NamedTuple):
    """A trial, as its storage tells it.

    Attributes:
        config: Values of its parameters, as the user's program saw them.
        value: Of its only objective; anything else where it has none.
        failure: Why its value does not count; "" where it does, None where it has not ended.
        started: When, ISO 8601; anything else where that is not known.
        ended: Likewise.
    """

    config: Config
    value: Any
    failure: str | None
    started: Any
    ended: Any


def study_task(
    name: str,
    trials: Mapping[int, OptunaTrial],
    *,
    metric: str,
    mode: str,
    declared: Mapping[str, Sequence[Any]],
    zone: tzinfo | None = None,
) -> ImportedTask:
    """A study as a task.

    Args:
        name: Of the study.
        trials: By number, ascending; also those that have not ended.
        metric: What a user calls the value; "" where nobody calls it anything.
        mode: `min` or `max`.
        declared: Choices of the parameters that have choices.
        zone: Of times that name none; None for this machine's: Optuna before 5 writes local time.

    Raises:
        InputError: There is no such mode.
    """
    objective, unit = metric_in_seconds(metric or _VALUE, mode)
    ended = {k: trial for k, trial in trials.items() if trial.failure is not None}
    return ImportedTask(
        tool="optuna",
        name=name,
        objective=objective,
        rows=[_row(trial, objective, unit, zone) for trial in ended.values()],
        declared=declared,
        toolchain={"optuna": "storage"},
        numbers=list(ended),
        # No storage dates a study itself; its first trial begins before any other ends. Read in one
        # zone wherever it is imported, as it names the run.
        began=moment_of(trials[0].started) if 0 in trials else None,
        conditional=True,
    )


def _row(trial: OptunaTrial, objective: Objective, unit: float, zone: tzinfo | None) -> ImportedRow:
    """A trial that ended."""
    value = number(trial.value)
    metrics = {} if value is None else {objective.metric: value * unit}
    status, error = judged(objective, metrics)
    if trial.failure:
        status, error = Status.RUN_ERROR, trial.failure
    began, ended = moment_of(trial.started, zone), moment_of(trial.ended, zone)
    took_s = (ended - began).total_seconds() if began and ended else 0.0
    return ImportedRow(
        config=trial.config,
        status=status,
        error=error,
        metrics=metrics if status is Status.OK else {},
        timing_s=max(took_s, 0.0),
        created_at=ended,
    )
