from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.testing.spaces import GridSpace
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain

QUICK = PretrainConfig(steps=80, inducing=32, hidden=2, batch=128)


def source(
    space: GridSpace, cores: int, rows: int = 120, change: Callable[[FloatArray], FloatArray] = abs
) -> SourceTask:
    """Rows of a space measured on a device with so many cores; `change` makes it differ."""
    device = replace(EXAMPLE_DEVICE, cores=cores)
    pool = space.sample(rows, np.random.default_rng(cores))
    return SourceTask(
        name=f"{cores} cores",
        encoding=space.encode(pool, device),
        cost_s=change(space.latency_s(pool)),
        device=device,
        task_key="task",
    )


@pytest.fixture(scope="session")
def sources() -> tuple[SourceTask, ...]:
    """Two devices that agree about the space."""
    return (source(GridSpace(), cores=4), source(GridSpace(), cores=8))


@pytest.fixture(scope="session")
def pretrained(sources: tuple[SourceTask, ...]) -> Pretrained:
    return pretrain(sources, QUICK)
