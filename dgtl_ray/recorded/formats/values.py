"""Values as files of other tuners have them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status

# Seconds of one unit, by what ends the name of a metric.
_UNITS = {"_s": 1.0, "_ms": 1e-3, "_us": 1e-6, "_ns": 1e-9}
# Error numbers that AutoTVM and Ansor share.
_TVM_FAILURES = {
    1: Status.BUILD_ERROR,
    2: Status.BUILD_ERROR,
    3: Status.BUILD_ERROR,
    4: Status.RUN_ERROR,
    5: Status.WRONG_RESULT,
    6: Status.BUILD_TIMEOUT,
    7: Status.RUN_TIMEOUT,
    8: Status.RUN_ERROR,
}
_LATEST_S = 4e9
_UNEXPECTED = (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError)


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if type(value) is float:  # nearly always; files hold millions
        return value if isfinite(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def seconds(value: Any, unit_s: float = 1.0) -> float:
    """How long something took, in seconds; 0 where that is no positive number."""
    found = number(value)
    return found * unit_s if found is not None and found > 0 else 0.0


def moment(epoch_s: Any) -> datetime | None:
    """A time of day; None where it is none."""
    found = number(epoch_s)
    if found is None or not 0 < found < _LATEST_S:
        return None
    return datetime.fromtimestamp(found, UTC)


def moment_of(text: Any, zone: tzinfo | None = UTC) -> datetime | None:
    """The same from ISO 8601.

    Args:
        text: With a zone, or without one.
        zone: Of one without; None for this machine's.
    """
    try:
        found = datetime.fromisoformat(str(text))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def tvm_status(error_number: Any) -> Status:
    """How a trial of AutoTVM's or Ansor's ended."""
    if error_number == 0:
        return Status.OK
    return _TVM_FAILURES.get(error_number, Status.RUN_ERROR)


def metric_in_seconds(metric: str, mode: str) -> tuple[Objective, float]:
    """An objective, and what its numbers are multiplied by: times become seconds.

    A time is what is called so: `latency_ms`, `run_us`, `wall_s`.

    Raises:
        InputError: There is no such mode.
    """
    for end, unit_s in _UNITS.items():
        if mode == "min" and metric.endswith(end):
            return Objective(metric=f"{metric.removesuffix(end)}_s", mode=mode), unit_s
    return Objective(metric=metric, mode=mode), 1.0


def judged(objective: Objective, metrics: Mapping[str, float]) -> tuple[Status, str]:
    """Whether a configuration that ran told its objective, and what is wrong otherwise."""
    value = metrics.get(objective.metric)
    if value is None:
        return Status.RUN_ERROR, f"no finite number {objective.metric!r}"
    try:
        objective.cost_of(value)
    except (ValueError, OverflowError) as error:
        return Status.RUN_ERROR, str(error)
    return Status.OK, ""


@contextmanager
def expecting(what: str) -> Iterator[None]:
    """Turns the errors of a file that is built in another way into one that says so."""
    try:
        yield
    except _UNEXPECTED as error:
        raise InputError(f"{what}: {type(error).__name__} {error}") from error
    except RecursionError:
        raise InputError(f"{what}: it is nested too deeply") from None
