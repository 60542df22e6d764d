"""How related each source turned out to be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dgtl_ray.core.roles import FloatArray

# Measurements before a source is judged.
_LEAST = 8
# Rank correlation below which a source is not trusted, and how many standard errors from none it
# must be: of few measurements, noise ranks some by chance.
TRUSTED, STANDARD_ERRORS = 0.2, 2.0
# Sources that rank a space alike by less, the mean over pairs, contradict one another: recorded
# devices agree by 0.38 or more, and of made-up kernels, three at a time, one set in thirty by 0.3.
LEAST_AGREEMENT = 0.3
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
        return self.correlation is None or _borne_out(self.correlation, self.measured)


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


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """What sources together say of a space, before anything of it was measured.

    Attributes:
        agreement: Rank correlation of what two of them expect, the mean over all pairs; 1 where
            there is but one, which nobody contradicts.
        contrast: Standard deviation of what they expect together.
    """

    agreement: float
    contrast: float

    @classmethod
    def of(cls, expected: FloatArray) -> "Consensus":
        """Of what each source expects of a sample of the space (m × sources)."""
        pairs = [rank_correlation(a, b) or 0.0 for a, b in combinations(expected.T, 2)]
        return cls(
            agreement=sum(pairs) / len(pairs) if pairs else 1.0,
            contrast=float(expected.mean(axis=1).std()),
        )

    def in_doubt(self, expected: FloatArray, cost_s: FloatArray) -> bool:
        """Whether the sources should not be believed, by what was measured so far.

        Sources that agree are believed unless the ranks of what they expect and of what was
        measured agree by less than one standard error of chance. Fewer than eight measurements
        leave no doubt, nor do those of which about the same is expected: that sources do not tell
        how the configurations that they like differ says nothing against them.

        A target that takes after its sources as they take after one another can expect nothing of
        those that contradict one another. They are in doubt until measurements bear them out as a
        single source must be borne out that is trusted.

        Args:
            expected: What each source expects of the measured configurations (n × sources).
            cost_s: Their latencies (n,).
        """
        together = expected.mean(axis=1)
        correlation = rank_correlation(together, cost_s)
        if self.agreement < LEAST_AGREEMENT:
            return correlation is None or not _borne_out(correlation, len(cost_s))
        if correlation is None or together.std() < LEAST_CONTRAST * self.contrast:
            return False
        return correlation < _chance(len(cost_s))


def _borne_out(correlation: float, measured: int) -> bool:
    """Whether ranks agree by more than chance, and by enough to be of use."""
    return correlation >= max(TRUSTED, STANDARD_ERRORS * _chance(measured))


def _chance(measured: int) -> float:
    """Standard error of Spearman's coefficient of independent ranks: its variance is 1/(n − 1)."""
    return 1.0 / math.sqrt(measured - 1)


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
