"""Bring encodings and latencies to a common scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray

_LEAST_SPREAD = 1e-6
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
        kept = np.flatnonzero(std > _LEAST_SPREAD * (1.0 + np.abs(values).max(axis=0, initial=0.0)))
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
        logs = np.log(cost_s[np.isfinite(cost_s)])
        if not len(logs):
            return cls(centre=0.0, spread=1.0)
        return cls(centre=float(logs.mean()), spread=max(float(logs.std()), _LEAST_SPREAD))

    def __call__(self, cost_s: FloatArray) -> FloatArray:
        """Standardised log-latencies (n,)."""
        result: FloatArray = (np.log(cost_s) - self.centre) / self.spread
        return result


def usable(sources: Sequence[SourceTask], least: int = 8) -> tuple[SourceTask, ...]:
    """The sources with at least so many latencies that are not all equal."""
    good = []
    for source in sources:
        logs = np.log(source.cost_s[np.isfinite(source.cost_s)])
        if len(logs) >= least and logs.std() > _LEAST_SPREAD:
            good.append(source)
    return tuple(good)
