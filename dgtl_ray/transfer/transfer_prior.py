"""θ_S: what sources teach of a target's hyperparameters."""

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
from dgtl_ray.transfer.scaling import ColumnScale, LatencyScale, Warp
from dgtl_ray.transfer.source_model import SourceModel
from dgtl_ray.transfer.target_gp import tune

# Rows of each source, and sources, that θ_S is learned from.
ROWS = 200
MOST_TASKS = 4
# Rows of each that a kernel without expectations is learned from: twice as many take twice as long
# and rank a target's configurations as well.
_ROWS_ALONE = 100


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
    return vague.centred_on(_without_knobs(layout, tune(layout, vague, tasks), vague))


def kernel_prior(
    layout: Layout,
    scale: ColumnScale,
    sources: Sequence[SourceTask],
    asked: Sequence[int],
    vague: Prior,
) -> Prior:
    """The prior of a model that is told of no source, centred on what fits all of them.

    θ_A = argmax_θ Σ_s log p(w(y_s) | X_s, θ) + log p(θ), w the warp of such a model: which features
    matter in a task is alike in others, however unlike their latencies. A few measurements cannot
    tell it of more than a hundred features.
    """
    tasks = [_by_itself(k, scale, sources[k]) for k in asked[:MOST_TASKS]]
    return vague.centred_on(_without_knobs(layout, tune(layout, vague, tasks), vague))


def _by_itself(index: int, scale: ColumnScale, source: SourceTask) -> Observed:
    """Some of a source's rows, with nothing that others expect of them."""
    rows = _some_rows(index, source, _ROWS_ALONE)
    cost_s = source.cost_s[rows]
    logs = Warp.of(cost_s)(cost_s)
    return Observed(
        points=_points(scale, source.encoding[rows], np.zeros((len(rows), 0))),
        y=torch.from_numpy(LatencyScale.of_logs(logs).standard(logs)),
    )


def _without_knobs(layout: Layout, theta: torch.Tensor, vague: Prior) -> torch.Tensor:
    """θ as it was believed where sources cannot tell: they do not say which value a knob took."""
    for part in (layout.knob_weights, layout.knob_variance):
        theta[part] = vague.mean[part]
    return theta


def _some_rows(index: int, source: SourceTask, most: int) -> NDArray[np.intp]:
    ok = np.flatnonzero(np.isfinite(source.cost_s))
    return np.sort(stream(0, "transfer prior", index).permutation(ok)[:most])


def _points(scale: ColumnScale, encoding: NDArray[np.float32], expected: FloatArray) -> Points:
    return Points(
        features=torch.from_numpy(scale(encoding)),
        knobs=torch.zeros(len(encoding), 0, dtype=torch.int32),
        sources=torch.from_numpy(expected),
    )


def _as_target(index: int, scale: ColumnScale, source: SourceTask, model: SourceModel) -> Observed:
    """Some of a source's rows, with what the other sources expect of them."""
    rows = _some_rows(index, source, ROWS)
    encoding, cost_s = source.encoding[rows], source.cost_s[rows]
    return Observed(
        points=_points(scale, encoding, model.expectations(encoding, without=index)),
        y=torch.from_numpy(model.pretrained.scales[index](cost_s)),
    )
