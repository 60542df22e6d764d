"""Configurations in the order in which they were told."""

from collections.abc import Sequence

import numpy as np

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.ledger import keys_of, rows_of, succeeded


class TrialLog:
    """The first latency of every configuration, in the order in which they were first told."""

    def __init__(self) -> None:
        self._cost_s: dict[bytes, float] = {}
        self._wrong: set[bytes] = set()

    def __len__(self) -> int:
        """Number of configurations that were measured."""
        return len(self._cost_s)

    def record(self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status]) -> None:
        """Append rows (n × columns) that are new to it; what failed costs NaN until it runs."""
        for key, cost, outcome in zip(keys_of(pool), cost_s, status, strict=True):
            if np.isnan(self._cost_s.setdefault(key, np.nan)) and succeeded(cost, outcome):
                self._cost_s[key] = float(cost)
            if outcome is Status.WRONG_RESULT:
                self._wrong.add(key)

    def first(self, n: int) -> tuple[IntArray, FloatArray]:
        """The first `n` configurations (n × columns) and their latencies in seconds.

        One that never ran, or gave a wrong result, has NaN.
        """
        keys = list(self._cost_s)[:n]
        costs_s = [np.nan if key in self._wrong else self._cost_s[key] for key in keys]
        return rows_of(keys), np.array(costs_s)
