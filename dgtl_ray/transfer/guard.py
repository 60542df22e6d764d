"""The guard against negative transfer: experts are trusted as far as they predict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dgtl_ray.core.roles import FloatArray
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.scaling import LatencyScale, Warp
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
        scale: What its standardised latencies mean.
        warp: Of the log-latencies that were standardised.
    """

    model: TargetGP
    sources: slice
    share: float
    best: float | None
    scale: LatencyScale
    warp: Warp

    @property
    def informed(self) -> bool:
        """Whether it knows of history."""
        return self.sources != NO_SOURCES

    def told(self, points: Points) -> Points:
        """Configurations as it sees them."""
        return points.told_of(self.sources)

    def predict(self, points: Points) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation (n,) of the log-latency that would be measured."""
        mean, variance = self.model.marginals(self.told(points))
        std = np.sqrt(variance.numpy() + self.model.noise)
        centre, spread = self.scale.centre, self.scale.spread
        return self.warp.undone(centre + spread * mean.numpy(), spread * std)

    def evidence(self) -> float:
        """Log-likelihood of the log-latencies measured, each given all others."""
        mean, variance = self.model.leave_one_out()
        y = self.model.data.y
        each = -0.5 * ((y - mean) ** 2 / variance + torch.log(2.0 * torch.pi * variance))
        warped = self.scale.centre + self.scale.spread * y.numpy()
        slopes = self.warp.log_slope(warped) - np.log(self.scale.spread)
        return float(each.sum()) + float(slopes.sum())


def trusted(experts: Sequence[Expert]) -> list[Expert]:
    """The experts with their shares of the trust.

    w_k ∝ exp Σ_i log p_k(y_i | x_i, y_{−i}): pseudo-Bayesian model averaging (Geisser & Eddy 1979;
    Yao et al. 2018, "Using stacking to average Bayesian predictive distributions"), the
    leave-one-out densities in closed form.
    """
    evidence = np.array([expert.evidence() for expert in experts])
    share: FloatArray = np.exp(evidence - evidence.max(initial=-np.inf))
    share = share / share.sum()
    return [replace(expert, share=float(w)) for expert, w in zip(experts, share, strict=True)]
