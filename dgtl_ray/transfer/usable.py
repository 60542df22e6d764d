"""Which sources a model can learn from."""

from collections.abc import Sequence
from math import log

import numpy as np
import torch

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.seeds import stream
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.relatedness import TRUSTED, rank_correlation
from dgtl_ray.transfer.scaling import LEAST_SPREAD, ColumnScale, LatencyScale
from dgtl_ray.transfer.target_gp import TargetGP

# Latencies that a source must have at least.
LEAST = 8
# Latencies from which on a source must tell of itself: fewer are too few to judge it by, and a
# random sample of more says the same.
JUDGED, SAMPLED = 100, 300
# Noise of the model that they are judged by, as a share of their variance.
_NOISE = 0.1


def usable(sources: Sequence[SourceTask]) -> tuple[SourceTask, ...]:
    """The sources whose latencies are enough, not all equal, and tell of one another."""
    return tuple(source for source in sources if _varies(source) and tells_of_itself(source))


def tells_of_itself(source: SourceTask) -> bool:
    """Whether a source's latencies tell of one another: noise cannot tell of another task either.

    Each is predicted from all others by a Gaussian process, and the ranks must agree. It has the
    exponential kernel, and a lengthscale of the root of the number of features: nothing is tuned.
    """
    measured = np.flatnonzero(np.isfinite(source.cost_s))
    if len(measured) < JUDGED:
        return True
    rows = stream(0, "tells of itself", len(measured)).permutation(measured)[:SAMPLED]
    encoding, cost_s = source.encoding[rows], source.cost_s[rows]
    points = Points.of_features(ColumnScale.of(encoding)(encoding))
    y = torch.from_numpy(LatencyScale.of(cost_s)(cost_s))
    features = points.features.shape[1]
    layout = Layout(features=features, knobs=0, smooth=False)
    theta = torch.zeros(layout.size, dtype=torch.float64)
    theta[layout.lengthscales] = log(max(features, 1)) / 2.0
    theta[layout.noise] = log(_NOISE)
    expected, _ = TargetGP(layout, theta, Observed(points=points, y=y)).leave_one_out()
    correlation = rank_correlation(expected.numpy(), cost_s)
    return correlation is not None and correlation >= TRUSTED


def _varies(source: SourceTask) -> bool:
    logs = np.log(source.cost_s[np.isfinite(source.cost_s)])
    return len(logs) >= LEAST and float(logs.std()) > LEAST_SPREAD
