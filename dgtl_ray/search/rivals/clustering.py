"""k-means, and how many clusters are enough."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from dgtl_ray.core.roles import FloatArray

_ITERATIONS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Clusters:
    """Centres (k × d), the cluster of each point (n,), and the sum of squared distances."""

    centres: FloatArray
    labels: NDArray[np.intp]
    inertia: float


def k_means(points: FloatArray, k: int, rng: np.random.Generator) -> Clusters:
    """SciPy's, on points (n × d) from k-means++ seeds; fewer than `k` where fewer are distinct."""
    most = len(np.unique(points, axis=0))
    with warnings.catch_warnings():
        # A cluster that loses all its points keeps its centre, which nobody asks for.
        warnings.simplefilter("ignore", UserWarning)
        centres, labels = kmeans2(points, min(k, most), iter=_ITERATIONS, minit="++", seed=rng)
    inertia = float(np.square(points - centres[labels]).sum())
    return Clusters(centres=centres, labels=labels, inertia=inertia)


def knee(values: Sequence[float]) -> int:
    """Where a falling curve bends most: the point farthest below the chord from end to end."""
    curve = np.array(values)
    drop = curve[0] - curve[-1]
    if len(curve) < 3 or drop <= 0:
        return 0
    below = np.linspace(1.0, 0.0, len(curve)) - (curve - curve[-1]) / drop
    return int(below.argmax())
