"""What sources teach of hyperparameters."""

from dataclasses import replace

import numpy as np
import torch

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.spaces import GridSpace
from dgtl_ray.transfer.evidence import Observed
from dgtl_ray.transfer.kernel import Layout, Prior
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.scaling import ColumnScale
from dgtl_ray.transfer.target_gp import TargetGP, tune
from dgtl_ray.transfer.transfer_prior import kernel_prior

SPACE = GridSpace()
# The one feature, after the sketch, that tells of latencies.
TELLING = 2


def logs_of(rows: IntArray) -> FloatArray:
    logs: FloatArray = np.sin(1.5 * rows[:, TELLING]).astype(np.float64)
    return logs


def source(cores: int) -> SourceTask:
    device = replace(EXAMPLE_DEVICE, cores=cores)
    rows = SPACE.sample(120, np.random.default_rng(cores))
    return SourceTask(
        name=f"{cores} cores",
        encoding=SPACE.encode(rows, device),
        cost_s=np.exp(logs_of(rows)),
        device=device,
        task_key="task",
    )


def error(layout: Layout, prior: Prior, known: Points, asked: Points, y: torch.Tensor) -> float:
    """Of what a model of a few measurements says of the others."""
    data = Observed(points=known, y=y[: len(known)])
    mean, _ = TargetGP(layout, tune(layout, prior, [data]), data).posterior(asked)
    return float((mean - y[len(known) :]).square().mean().sqrt())


def test_which_features_matter_is_learned_though_latencies_are_turned_upside_down() -> None:
    sources = [source(4), source(8)]
    rows = SPACE.sample(400, np.random.default_rng(0))
    encoding = SPACE.encode(rows, EXAMPLE_DEVICE)
    scale = ColumnScale.of(encoding)
    layout = Layout(features=len(scale.kept), knobs=rows.shape[1])
    vague = Prior.vague(layout)
    taught = kernel_prior(layout, scale, sources, [0, 1], vague)
    lengthscales = taught.mean[layout.lengthscales]
    assert list(scale.kept)[int(lengthscales.argmin())] == TELLING

    points = Points(
        features=torch.from_numpy(scale(encoding)),
        knobs=torch.from_numpy(rows),
        sources=torch.zeros(len(rows), 0, dtype=torch.float64),
    )
    known, asked = points[torch.arange(16)], points[torch.arange(16, 400)]
    y = torch.from_numpy(-logs_of(rows))
    assert error(layout, taught, known, asked, y) < 0.7 * error(layout, vague, known, asked, y)
