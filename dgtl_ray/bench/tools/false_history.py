"""Histories that mislead, to see how much harm they do."""

from dataclasses import replace

import numpy as np

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray

_HIDDEN = 6


def noise(source: SourceTask, rng: np.random.Generator) -> SourceTask:
    """The same configurations, their latencies shuffled."""
    return replace(source, cost_s=rng.permutation(source.cost_s))


def unrelated(source: SourceTask, rng: np.random.Generator) -> SourceTask:
    """The same configurations, with the latencies of a made-up kernel.

    It depends smoothly on the encoding by a random network of one hidden layer, and spreads over
    latencies as far as the source's own do: it can be learned well, and says nothing of the target.
    """
    values = source.encoding.astype(np.float64)
    spread = values.std(axis=0)
    varies = spread > 0
    scaled = (values[:, varies] - values[:, varies].mean(axis=0)) / spread[varies]
    into = rng.normal(size=(scaled.shape[1], _HIDDEN)) / np.sqrt(max(scaled.shape[1], 1))
    shape = np.tanh(2.0 * scaled @ into) @ rng.normal(size=_HIDDEN)
    logs = np.log(source.cost_s)
    cost_s: FloatArray = np.exp(
        np.nanmean(logs) + np.nanstd(logs) * (shape - shape.mean()) / shape.std()
    )
    return replace(source, cost_s=np.where(np.isfinite(logs), cost_s, np.nan))
