"""How related each source turned out to be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dgtl_ray.core.roles import FloatArray

# Measurements before a source is judged.
_LEAST = 8
# Rank correlation below which a source is not trusted, and how many standard errors from none it
# must be: of few measurements, noise ranks some by chance.
TRUSTED, STANDARD_ERRORS = 0.2, 2.0
# How unlike what is expected of measured configurations must be, beside all that there are.
LEAST_CONTRAST = 0.5


@dataclass(frozen=True, kw_only=True)
class Relatedness:
    """One source, judged by the target's measurements.

    Attributes:
        name: The source's.
        correlation: Of the ranks that the deep GP expected with those measured; None while there
            are too few measurements.
        measured: How many there are.
    """

    name: str
    correlation: float | None
    measured: int

    @property
    def trusted(self) -> bool:
        """Whether it ranks the target's configurations better than chance."""
        if self.correlation is None:
            return True
        # Spearman's coefficient of n independent ranks has variance 1/(n − 1).
        chance = STANDARD_ERRORS / math.sqrt(self.measured - 1)
        return self.correlation >= max(TRUSTED, chance)


def relatedness(
    names: Sequence[str], expected: FloatArray, cost_s: FloatArray
) -> tuple[Relatedness, ...]:
    """Judge sources by Spearman's rank correlation.

    Args:
        names: Of the sources.
        expected: What each expects of the measured configurations (n × sources).
        cost_s: Their latencies (n,).
    """
    return tuple(
        Relatedness(
            name=name,
            correlation=rank_correlation(expected[:, k], cost_s),
            measured=len(cost_s),
        )
        for k, name in enumerate(names)
    )


def in_doubt(expected: FloatArray, cost_s: FloatArray, of_pool: FloatArray) -> bool:
    """Whether measurements do not bear out what all sources together expect of them.

    They do where the ranks agree by more than one standard error of chance. Fewer than eight
    measurements leave no doubt, nor do those of which about the same is expected: that sources do
    not tell how the configurations that they like differ says nothing against them.

    Args:
        expected: What each source expects of the measured configurations (n × sources).
        cost_s: Their latencies (n,).
        of_pool: What each expects of the configurations that there are (m × sources).
    """
    if not expected.shape[1]:
        return False
    together = expected.mean(axis=1)
    correlation = rank_correlation(together, cost_s)
    if correlation is None or together.std() < LEAST_CONTRAST * of_pool.mean(axis=1).std():
        return False
    return correlation < 1.0 / math.sqrt(len(cost_s) - 1)


def rank_correlation(a: FloatArray, b: FloatArray) -> float | None:
    """Spearman's coefficient of two samples (n,); None where it has no meaning."""
    if len(a) < _LEAST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    """Position of each value; equal ones share their mean position."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    result: FloatArray = (last - (counts - 1) / 2.0)[inverse]
    return result
