from dataclasses import replace

import numpy as np
import torch

from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.scaling import ColumnScale
from dgtl_ray.transfer.success import PastSuccess


def source(failing_above: float) -> SourceTask:
    """One on which everything failed whose first feature is large."""
    encoding = np.random.default_rng(0).uniform(-1, 1, size=(200, 2)).astype(np.float32)
    cost_s = np.where(encoding[:, 0] > failing_above, np.nan, 1e-3)
    return SourceTask(
        name="source", encoding=encoding, cost_s=cost_s, device=EXAMPLE_DEVICE, task_key="task"
    )


AT = np.array([[-0.8, 0.0], [0.9, 0.0]], dtype=np.float32)


def told(*sources: SourceTask) -> torch.Tensor:
    scale = ColumnScale.of(sources[0].encoding)
    return PastSuccess(sources, scale)(Points.of_features(scale(AT)))


def test_what_failed_on_sources_is_expected_to_fail() -> None:
    fine, doomed = told(source(0.5))
    assert fine > 0.9
    assert doomed < 0.2


def test_sources_that_disagree_leave_it_open() -> None:
    fine, open_ = told(source(0.5), replace(source(2.0), name="another"))
    assert fine > 0.9
    assert 0.2 < open_ < 0.8


def test_without_failures_everything_is_expected_to_run() -> None:
    assert told(source(2.0)).tolist() == [1.0, 1.0]
