"""A user's own function of a configuration as a task: what it returns, and what that costs."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.task import LayerTask

# Stands in the history's column `target` where no compiler was asked for anything.
FUNCTION_TARGET = '{"kind": "function"}'
OPERATOR = "function"
LATENCY = "latency_s"
# What a metric is called that counts seconds, as all names of times do.
_SECONDS = "_s"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Which number of a function's is to be made small, or large.

    Attributes:
        metric: Its name.
        mode: `min` or `max`.

    Raises:
        InputError: There is no such mode.
    """

    metric: str = LATENCY
    mode: str = "min"

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise InputError(f"mode is {self.mode!r}: choose min or max")

    @cached_property
    def is_time(self) -> bool:
        """Whether it is a time in seconds, so that it is its own cost."""
        return self.mode == "min" and self.metric.endswith(_SECONDS)

    def cost_of(self, value: float) -> float:
        """A positive cost in the order of the metric.

        A time is its own. Of any other number x it is exp(asinh(x)), or exp(-asinh(x)) where much
        is good: about 2x where that is large, so that ratios count, and smooth through zero.

        Raises:
            ValueError: The number is not finite, or a time that is not positive.
        """
        if not math.isfinite(value):
            raise ValueError(f"{self.metric} is {value}")
        if not self.is_time:
            return math.exp(math.asinh(value if self.mode == "min" else -value))
        if value <= 0:
            raise ValueError(f"{self.metric} is {value}: a time is positive")
        return value

    def better(self, value: float, than: float) -> bool:
        """Whether one value beats another."""
        return value < than if self.mode == "min" else value > than


@dataclass(frozen=True, kw_only=True)
class FunctionResult:
    """What a call of the function gave.

    Attributes:
        metrics: Numbers by name; empty where it failed.
        seconds: What the call took, wall-clock.
        printed: What it printed, and what it wrote as errors, where that is kept.
    """

    status: Status
    seconds: float
    error: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    printed: tuple[str, str] = ("", "")


def function_task(name: str, knobs: Sequence[str], objective: Objective) -> LayerTask:
    """The function as a task: the same name, parameters and objective are the same task."""
    meaning = json.dumps([OPERATOR, name, sorted(knobs), objective.metric, objective.mode])
    return LayerTask(
        name=name,
        operator=OPERATOR,
        workload_key=hashlib.sha256(meaning.encode()).hexdigest()[:32],
        weight=1,
        flop=0.0,
        args=(),
        program="",
        network=name,
    )


def configuration(config: str) -> dict[str, Any]:
    """A configuration (JSON) as a function gets it: lists as tuples, as they were declared."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(config).items()
    }


def as_metrics(returned: Any, objective: Objective) -> dict[str, float]:
    """What a function returned, as numbers by name.

    Raises:
        ValueError: It returned neither a number nor a dict with the objective's number.
    """
    if isinstance(returned, Mapping):
        numbers = {str(name): _number(value) for name, value in returned.items()}
        known = {name: value for name, value in numbers.items() if value is not None}
    else:
        value = _number(returned)
        known = {} if value is None else {objective.metric: value}
    if objective.metric not in known:
        raise ValueError(
            f"the function returned {returned!r}: return a number, or a dict that has "
            f"{objective.metric!r}"
        )
    objective.cost_of(known[objective.metric])
    return known


def _number(value: Any) -> float | None:
    """A number of Python's, numpy's or torch's as a float; None for anything else."""
    if isinstance(value, str | bytes) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
