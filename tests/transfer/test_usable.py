"""Which sources a model can learn from."""

from dataclasses import replace

import numpy as np
import pytest

from dgtl_ray.bench.tools.false_history import noise, unrelated
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.testing.spaces import GridSpace
from dgtl_ray.transfer.usable import JUDGED, tells_of_itself, usable
from tests.transfer.conftest import source


@pytest.fixture
def good() -> SourceTask:
    return source(GridSpace(), cores=4)


def test_sources_without_latencies_that_vary_are_left_out(good: SourceTask) -> None:
    constant = replace(good, cost_s=np.ones_like(good.cost_s))
    failed = replace(good, cost_s=np.full_like(good.cost_s, np.nan))
    assert usable((good, constant, failed)) == (good,)


@pytest.mark.parametrize("seed", range(5))
def test_what_was_measured_of_a_kernel_tells_of_itself_and_noise_does_not(
    good: SourceTask, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    assert tells_of_itself(unrelated(good, rng))
    assert not tells_of_itself(noise(good, rng))


def test_few_latencies_are_not_judged(good: SourceTask) -> None:
    few = replace(good, encoding=good.encoding[: JUDGED - 1], cost_s=good.cost_s[: JUDGED - 1])
    assert tells_of_itself(noise(few, np.random.default_rng(0)))
