"""CHAMELEON's adaptive sampling: measure few configurations that stand for many."""

from collections.abc import Sequence

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.search.rivals.clustering import Clusters, k_means, knee
from dgtl_ray.search.rivals.places import places
from dgtl_ray.search.space import SearchSpace

# Numbers of clusters that are tried.
CLUSTER_COUNTS: Sequence[int] = range(8, 64, 8)


def sample_adaptively(
    space: SearchSpace, candidates: IntArray, measured: IntArray, rng: np.random.Generator
) -> IntArray:
    """Rows to measure for candidates (n × columns): the centre of each of their clusters.

    There are as many clusters as lie at the knee of the clustering's error. A centre that was
    measured already is replaced by a synthesis of the knob values that are most frequent among
    the candidates of its sketch; and where that is of no use either, or outside the space, by the
    candidate nearest to the centre.
    """
    if len(candidates) <= CLUSTER_COUNTS[0]:
        return candidates
    points = places(candidates, space.knob_sizes)
    counts = [k for k in CLUSTER_COUNTS if k <= len(candidates)]
    tried = [k_means(points, k, rng) for k in counts]
    chosen = tried[knee([clusters.inertia for clusters in tried])]
    known = Ledger()
    known.reserve(measured)
    picked = []
    for one in np.unique(chosen.labels):
        row = _representative(space, candidates, points, chosen, int(one), known)
        known.reserve(row)
        picked.append(row)
    return np.concatenate(picked)


def synthesise(candidates: IntArray) -> IntArray:
    """(1 × columns): of each column the value that is most frequent, the lowest of several."""
    return np.array([[np.bincount(column).argmax() for column in candidates.T]], dtype=np.int32)


def _representative(
    space: SearchSpace,
    candidates: IntArray,
    points: FloatArray,
    clusters: Clusters,
    one: int,
    known: Ledger,
) -> IntArray:
    """One unmeasured row (at most 1 × columns) for a cluster."""
    members = np.flatnonzero(clusters.labels == one)
    sketch = np.bincount(candidates[members, 0]).argmax()
    own = candidates[candidates[:, 0] == sketch]
    highest = space.knob_sizes[sketch] - 1
    centre = np.rint(clusters.centres[one, : len(highest)] * highest)
    rounded = np.concatenate([[sketch], centre]).astype(np.int32)[None]
    away = np.square(points[members] - clusters.centres[one]).sum(axis=1)
    nearest = candidates[members[np.argsort(away, kind="stable")]]
    choices = np.concatenate([rounded, synthesise(own), nearest])
    return known.unknown(choices[space.feasible(choices)])[:1]
