"""The probability that a configuration builds and runs."""

import torch

from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points, join
from dgtl_ray.transfer.target_gp import TargetGP

# Outcomes are told as +1 and −1 with this noise.
_NOISE_VARIANCE = 0.1


def success_probability(layout: Layout, ran: Points, failed: Points, at: Points) -> torch.Tensor:
    """p(ok | x), shape (n,), by least-squares classification.

    A GP regresses outcomes ±1, and p = Φ(m / √(σ_n² + v)) of its posterior mean m and variance v
    (Rasmussen & Williams 2006, 6.5). Where nothing failed yet it is 1 everywhere.
    """
    if not len(failed):
        return torch.ones(len(at), dtype=torch.float64)
    theta = Prior.vague(layout).mean.clone()
    theta[layout.noise] = torch.tensor(_NOISE_VARIANCE).log()
    outcome = torch.cat([torch.ones(len(ran)), -torch.ones(len(failed))]).double()
    points = join(ran, failed).without_sources()
    model = TargetGP(layout, theta, Observed(points=points, y=outcome))
    mean, spread = model.posterior(at.without_sources())
    certainty = mean / (_NOISE_VARIANCE + spread).sqrt()
    probability: torch.Tensor = torch.special.ndtr(certainty)
    return probability.clamp_min(1e-6)
