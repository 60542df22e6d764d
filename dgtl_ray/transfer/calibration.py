"""Intervals that hold what they promise."""

from statistics import NormalDist

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray

# Part of the measurements that a central interval should hold.
SHARE = 0.9
# Before anything was compared intervals are wider than the model's by this factor, and so many
# measurements later half of it is learned: what is proposed was chosen for a good prediction, so
# it disappoints more often than a random configuration would.
_AT_FIRST, _WEIGHT = 1.3, 16


class Calibration:
    """How wide predictions must be, by how far off they were.

    An interval of ±c times the predicted standard deviation should hold `SHARE` of what is measured
    afterwards, so c is that quantile of |y − m| / s so far: online conformal prediction (Gibbs &
    Candès 2021, "Adaptive conformal inference under distribution shift"), here of a factor on the
    normal distribution's own width.
    """

    def __init__(self) -> None:
        self._reach = NormalDist().inv_cdf(0.5 + SHARE / 2)
        self._expected: dict[bytes, tuple[float, float]] = {}
        levels = (np.arange(_WEIGHT) + 0.5) / _WEIGHT
        self._away = [_AT_FIRST * NormalDist().inv_cdf(0.5 + level / 2) for level in levels]

    @property
    def factor(self) -> float:
        """What a predicted standard deviation is to be multiplied with."""
        return float(np.quantile(self._away, SHARE)) / self._reach

    def expect(self, pool: IntArray, mean: FloatArray, std: FloatArray) -> None:
        """Remember what the model predicts (n,) of configurations that will be measured."""
        for row, centre, spread in zip(pool, mean, std, strict=True):
            self._expected[row.tobytes()] = float(centre), float(spread)

    def learn(self, pool: IntArray, cost_s: FloatArray) -> None:
        """Compare with latencies (n,); what was not predicted or failed (NaN) tells nothing."""
        for row, cost in zip(pool, cost_s, strict=True):
            expected = self._expected.pop(row.tobytes(), None)
            if expected is not None and np.isfinite(cost) and cost > 0:
                self._away.append(abs(float(np.log(cost)) - expected[0]) / expected[1])
