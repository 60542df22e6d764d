"""k-means, and how many clusters are enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import FloatArray

_ITERATIONS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Clusters:
    """Centres (k × d), the cluster of each point (n,), and the sum of squared distances."""

    centres: FloatArray
    labels: NDArray[np.intp]
    inertia: float


def k_means(points: FloatArray, k: int, rng: np.random.Generator) -> Clusters:
    """Lloyd's algorithm on points (n × d) from k-means++ seeds; fewer than `k` where n is."""
    centres = _seeds(points, min(k, len(points)), rng)
    labels = _squared_distances(points, centres).argmin(axis=1)
    for _ in range(_ITERATIONS):
        for one in np.unique(labels):
            centres[one] = points[labels == one].mean(axis=0)
        moved = _squared_distances(points, centres).argmin(axis=1)
        if (moved == labels).all():
            break
        labels = moved
    inertia = _squared_distances(points, centres)[np.arange(len(points)), labels].sum()
    return Clusters(centres=centres, labels=labels, inertia=float(inertia))


def knee(values: Sequence[float]) -> int:
    """Where a falling curve bends most: the point farthest below the chord from end to end."""
    curve = np.array(values)
    drop = curve[0] - curve[-1]
    if len(curve) < 3 or drop <= 0:
        return 0
    below = np.linspace(1.0, 0.0, len(curve)) - (curve - curve[-1]) / drop
    return int(below.argmax())


def _seeds(points: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    """Each new seed is a point, chosen by its squared distance to the seeds before it."""
    chosen = [int(rng.integers(len(points)))]
    while len(chosen) < k:
        away = _squared_distances(points, points[chosen]).min(axis=1)
        total = away.sum()
        chances = away / total if total > 0 else None
        chosen.append(int(rng.choice(len(points), p=chances)))
    return points[chosen].copy()


def _squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """(n × k)."""
    distances: FloatArray = np.square(points[:, None, :] - centres[None, :, :]).sum(axis=2)
    return distances
