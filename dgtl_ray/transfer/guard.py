"""The guard against negative transfer: experts are trusted as far as they predict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dgtl_ray.core.roles import FloatArray
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.scaling import LatencyScale
from dgtl_ray.transfer.target_gp import TargetGP

ALL_SOURCES, NO_SOURCES = slice(None), slice(0, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Expert:
    """One model of the target.

    Attributes:
        model: Its posterior.
        sources: Those that it is told of.
        share: Of the trust; those of all experts add up to 1.
        best: Lowest standardised log-latency measured, None before the first.
        scale: What standardised log-latencies mean in log-seconds.
    """

    model: TargetGP
    sources: slice
    share: float
    best: float | None
    scale: LatencyScale

    @property
    def informed(self) -> bool:
        """Whether it knows of history."""
        return self.sources != NO_SOURCES

    def told(self, points: Points) -> Points:
        """Configurations as it sees them."""
        return points.told_of(self.sources)


def trusted(experts: Sequence[Expert]) -> list[Expert]:
    """The experts with their shares of the trust.

    w_k ∝ exp Σ_i log p_k(y_i | x_i, y_{−i}): pseudo-Bayesian model averaging (Geisser & Eddy 1979;
    Yao et al. 2018, "Using stacking to average Bayesian predictive distributions"), the
    leave-one-out densities in closed form.
    """
    evidence = np.array([_evidence(expert) for expert in experts])
    share: FloatArray = np.exp(evidence - evidence.max(initial=-np.inf))
    share = share / share.sum()
    return [replace(expert, share=float(w)) for expert, w in zip(experts, share, strict=True)]


def _evidence(expert: Expert) -> float:
    """Log-likelihood of the measurements, each given all others, in units that experts share."""
    mean, variance = expert.model.leave_one_out()
    away = (expert.model.data.y - mean) ** 2 / variance
    each = -0.5 * (away + torch.log(2.0 * torch.pi * variance)) - float(np.log(expert.scale.spread))
    return float(each.sum())
