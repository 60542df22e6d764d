"""The probability that a configuration builds and runs."""

from collections.abc import Sequence

import numpy as np
import torch

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.seeds import stream
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points, join
from dgtl_ray.transfer.scaling import ColumnScale
from dgtl_ray.transfer.target_gp import TargetGP

# Outcomes are told as +1 and −1 with this noise.
_NOISE_VARIANCE = 0.1
# Rows of history, of those that ran and of those that failed each, that are learned from.
_ROWS = 300


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
    mean, spread = model.marginals(at.without_sources())
    certainty = mean / (_NOISE_VARIANCE + spread).sqrt()
    probability: torch.Tensor = torch.special.ndtr(certainty)
    return probability.clamp_min(1e-6)


class PastSuccess:
    """The probability that a configuration runs, by what ran and what failed on the sources.

    Args:
        sources: History.
        scale: Of the target's encoding.
    """

    def __init__(self, sources: Sequence[SourceTask], scale: ColumnScale) -> None:
        encoding = np.concatenate([source.encoding for source in sources])
        ok = np.isfinite(np.concatenate([source.cost_s for source in sources]))
        rng = stream(0, "past success")
        self._ran, self._failed = (
            Points.of_features(scale(encoding[np.sort(rng.permutation(rows)[:_ROWS])]))
            for rows in (np.flatnonzero(ok), np.flatnonzero(~ok))
        )
        self._layout = Layout(features=len(scale.kept), knobs=0)

    def __call__(self, at: Points) -> torch.Tensor:
        """p(ok | x), shape (n,); 1 everywhere where no source ever failed."""
        alike = Points.of_features(at.features.numpy())
        return success_probability(self._layout, self._ran, self._failed, alike)
