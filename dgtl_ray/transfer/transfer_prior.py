"""θ_S: what sources teach about how one task differs from others."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.core.seeds import stream
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.scaling import ColumnScale
from dgtl_ray.transfer.source_model import SourceModel
from dgtl_ray.transfer.target_gp import tune

# Rows of each source, and sources, that θ_S is learned from.
ROWS = 100
MOST_TASKS = 4


def transfer_prior(
    layout: Layout,
    scale: ColumnScale,
    sources: Sequence[SourceTask],
    model: SourceModel,
    vague: Prior,
) -> Prior:
    """The prior of a target's hyperparameters, centred on what fits every source in turn.

    Each source plays the target while the others, through the deep GP, are its history:
    θ_S = argmax_θ Σ_s log p(y_s | X_s, g_{−s}(X_s), θ) + log p(θ). One source alone has nothing to
    learn from; the prior then stays as vague as it was.
    """
    if len(model.asked) < 2:
        return vague
    tasks = [_as_target(k, scale, sources[k], model) for k in model.asked[:MOST_TASKS]]
    theta = tune(layout, vague, tasks)
    # Sources do not tell which value each knob took, so that part is as it was.
    for part in (layout.knob_weights, layout.knob_variance):
        theta[part] = vague.mean[part]
    return vague.centred_on(theta)


def _as_target(index: int, scale: ColumnScale, source: SourceTask, model: SourceModel) -> Observed:
    """Some of a source's rows, with what the other sources expect of them."""
    ok = np.flatnonzero(np.isfinite(source.cost_s))
    rows = np.sort(stream(0, "transfer prior", index).permutation(ok)[:ROWS])
    encoding: NDArray[np.float32] = source.encoding[rows]
    y: FloatArray = model.pretrained.scales[index](source.cost_s[rows])
    points = Points(
        features=torch.from_numpy(scale(encoding)),
        knobs=torch.zeros(len(rows), 0, dtype=torch.int32),
        sources=torch.from_numpy(model.expectations(encoding, without=index)),
    )
    return Observed(points=points, y=torch.from_numpy(y))
