"""Measurements in the order in which they were told."""

from collections.abc import Sequence

import numpy as np

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.ledger import keys_of, rows_of


class TrialLog:
    """The first measurement of every configuration, in order."""

    def __init__(self) -> None:
        self._cost_s: dict[bytes, float] = {}

    def __len__(self) -> int:
        """Number of configurations that were measured."""
        return len(self._cost_s)

    def record(self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status]) -> None:
        """Append rows (n × columns) that are new to it; what failed costs NaN."""
        for key, cost, outcome in zip(keys_of(pool), cost_s, status, strict=True):
            ok = outcome is Status.OK and np.isfinite(cost) and cost > 0
            self._cost_s.setdefault(key, float(cost) if ok else np.nan)

    def first(self, n: int) -> tuple[IntArray, FloatArray]:
        """The first `n` configurations (n × columns) and their latencies in seconds."""
        keys = list(self._cost_s)[:n]
        return rows_of(keys), np.array([self._cost_s[key] for key in keys])
