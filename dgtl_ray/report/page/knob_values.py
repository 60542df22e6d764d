"""A layer's trials as columns, one a knob."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.function import OPERATOR
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.space.table_knob import Level, told_level


class KnobTable:
    """Configurations of one sketch of a layer that ran, knob by knob.

    A layer has several sketches, whose knobs differ: the one most often measured is told.

    Attributes:
        rows: Its measurements.
        cost_s: What they cost (n,): latencies in seconds, unless a function has another metric.
        values: The values of each knob (n,), as text where they have parts or are names.
    """

    def __init__(self, rows: Sequence[Measurement]) -> None:
        told = [(row, _values(row.config)) for row in rows if row.config and row.cost_s]
        sketches: dict[tuple[str, ...], list[tuple[Measurement, dict[str, Level]]]] = {}
        for row, values in told:
            names = (*_sketch(row, values), *values)
            sketches.setdefault(names, []).append((row, values))
        most = max(sketches.values(), key=len, default=[])
        self.rows = tuple(row for row, _ in most)
        self.cost_s = np.array([row.cost_s for row in self.rows], dtype=np.float64)
        knobs = list(most[0][1]) if most else []
        self.values = {name: [values[name] for _, values in most] for name in knobs}

    def shares(self) -> dict[str, float]:
        """For each knob the share of the variance of log-latency that its values tell apart.

        The first-order effect of functional analysis of variance (Hutter, Hoos, Leyton-Brown,
        ICML 2014, section 4), of the measured trials instead of a model's predictions; corrected
        for what as many random groups would tell apart (epsilon squared).
        """
        log_cost = np.log(self.cost_s)
        shares = {name: _explained(log_cost, values) for name, values in self.values.items()}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _sketch(row: Measurement, values: dict[str, Level]) -> tuple[str, ...]:
    """Which sketch a layer's configuration is of, taken out of its values.

    A function's are its user's own, whatever they are called.
    """
    if row.operator == OPERATOR:
        return ()
    return str(values.pop("sketch", "")), str(values.pop("algorithm", ""))


def _explained(log_cost: NDArray[np.float64], values: Sequence[Any]) -> float:
    names, group = np.unique([str(value) for value in values], return_inverse=True)
    total = float(((log_cost - log_cost.mean()) ** 2).sum())
    left = len(log_cost) - len(names)
    if total == 0.0 or left < 1:
        return 0.0
    means = np.bincount(group, log_cost) / np.bincount(group)
    within = float(((log_cost - means[group]) ** 2).sum())
    between = total - within
    return max(0.0, (between - (len(names) - 1) * within / left) / total)


def _values(config: str) -> dict[str, Level]:
    """Each knob's value, as text where it has parts: those have no order that an axis shows."""
    levels = {name: told_level(value) for name, value in json.loads(config).items()}
    return {
        name: " × ".join(map(str, level)) if isinstance(level, tuple) else level
        for name, level in levels.items()
    }
