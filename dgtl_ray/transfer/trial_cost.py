"""What a trial costs: the seconds that building and timing a configuration take."""

import numpy as np
import torch

from dgtl_ray.core.roles import FloatArray
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.scaling import LatencyScale
from dgtl_ray.transfer.target_gp import TargetGP

# Trials before their cost is predicted.
_LEAST = 8
# Times of one configuration differ: variance about their logarithm, which is standardised.
_NOISE_VARIANCE = 0.1


def relative_cost(layout: Layout, tried: Points, spent_s: FloatArray, at: Points) -> torch.Tensor:
    """Expected seconds (n,) of a trial, 1 being the geometric mean of those tried.

    A GP regresses their logarithms. An answer never leaves the range that was seen.

    Args:
        layout: Of the hyperparameters.
        tried: Configurations that were built and timed.
        spent_s: Seconds (tried,) that each took.
        at: Configurations to predict.
    """
    if len(tried) < _LEAST:
        return torch.ones(len(at), dtype=torch.float64)
    # A failure that took no time at all must not make the scale infinite.
    logs = np.log(np.maximum(spent_s, 1e-3))
    scale = LatencyScale.of(np.exp(logs))
    theta = Prior.vague(layout).mean.clone()
    theta[layout.noise] = torch.tensor(_NOISE_VARIANCE).log()
    y = torch.from_numpy(logs - scale.centre) / scale.spread
    model = TargetGP(layout, theta, Observed(points=tried.without_sources(), y=y))
    told = model.mean(at.without_sources()).clamp(float(y.min()), float(y.max()))
    return torch.exp(scale.spread * told)
