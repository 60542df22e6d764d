"""Bring encodings and latencies to a common scale."""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray

# Standard deviation of what counts as varying.
LEAST_SPREAD = 1e-6
# b: the distance of a warp's knee from the fastest.
WIDTH = log(2.0)
# A target's column may leave the range that sources showed; beyond this it tells nothing more.
_FARTHEST = 4.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnScale:
    """Which columns of an encoding vary, and by how much.

    Attributes:
        kept: Indices of the columns that vary, shape (kept,).
        mean: Of each kept column.
        std: Of each kept column.
    """

    kept: NDArray[np.intp]
    mean: FloatArray
    std: FloatArray

    @classmethod
    def of(cls, encoding: NDArray[np.float32]) -> "ColumnScale":
        """The scale of an encoding (n × columns)."""
        values = encoding.astype(np.float64)
        std = values.std(axis=0)
        kept = np.flatnonzero(std > LEAST_SPREAD * (1.0 + np.abs(values).max(axis=0, initial=0.0)))
        return cls(kept=kept, mean=values[:, kept].mean(axis=0), std=std[kept])

    def __call__(self, encoding: NDArray[np.float32]) -> FloatArray:
        """Standardised features (n × kept)."""
        scaled = (encoding[:, self.kept].astype(np.float64) - self.mean) / self.std
        result: FloatArray = np.clip(scaled, -_FARTHEST, _FARTHEST)
        return result


@dataclass(frozen=True, kw_only=True)
class LatencyScale:
    """Centre and spread of the logarithms of one task's latencies in seconds."""

    centre: float
    spread: float

    @classmethod
    def of(cls, cost_s: FloatArray) -> "LatencyScale":
        """The scale of latencies (n,), those that failed (NaN) left out."""
        return cls.of_logs(np.log(cost_s[np.isfinite(cost_s)]))

    @classmethod
    def of_logs(cls, logs: FloatArray) -> "LatencyScale":
        """The scale of their logarithms (n,)."""
        if not len(logs):
            return cls(centre=0.0, spread=1.0)
        return cls(centre=float(logs.mean()), spread=max(float(logs.std()), LEAST_SPREAD))

    def __call__(self, cost_s: FloatArray) -> FloatArray:
        """Standardised log-latencies (n,)."""
        return self.standard(np.log(cost_s))

    def standard(self, logs: FloatArray) -> FloatArray:
        """Logarithms (n,), standardised."""
        result: FloatArray = (logs - self.centre) / self.spread
        return result


@dataclass(frozen=True, kw_only=True)
class Warp:
    """Log-latencies with the slow ones squeezed: how slow is slow tells little of what is fast.

    w(l) = l up to the knee and k + b log(1 + (l − k)/b) beyond. A GP of w(l) is a warped Gaussian
    process (Snelson et al. 2004) whose warp is given. Its knee hangs on the fastest alone: the
    middle of what was measured moves with where a search has looked.

    Attributes:
        knee: k, in log-seconds; infinite where nothing is squeezed.
    """

    knee: float = np.inf

    @classmethod
    def of(cls, cost_s: FloatArray) -> "Warp":
        """The warp of what was measured (n,): it begins at twice the fastest latency."""
        return cls(knee=float(np.log(cost_s.min())) + WIDTH) if len(cost_s) else cls()

    def __call__(self, cost_s: FloatArray) -> FloatArray:
        """Warped log-latencies (n,) of latencies in seconds."""
        logs = np.log(cost_s)
        beyond = np.maximum(logs - self.knee, 0.0)
        result: FloatArray = np.minimum(logs, self.knee) + WIDTH * np.log1p(beyond / WIDTH)
        return result

    def undone(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Median and spread (n,) of the log-latency whose warped value has this mean and std."""
        log_slope = self.log_slope(mean)
        beyond: FloatArray = WIDTH * np.expm1(-log_slope)
        return np.minimum(mean, self.knee) + beyond, std * np.exp(-log_slope)

    def log_slope(self, warped: FloatArray) -> FloatArray:
        """Logarithm of w'(l) (n,) where w(l) has these values."""
        result: FloatArray = -np.maximum(warped - self.knee, 0.0) / WIDTH
        return result
