import numpy as np
import pytest
import torch

from dgtl_ray.transfer.kernel import Layout
from dgtl_ray.transfer.points import Points
from dgtl_ray.transfer.trial_cost import relative_cost

LAYOUT = Layout(features=2, knobs=0)


def points(n: int, seed: int) -> Points:
    rng = np.random.default_rng(seed)
    return Points(
        features=torch.from_numpy(rng.uniform(-1.5, 1.5, size=(n, 2))),
        knobs=torch.zeros(n, 0, dtype=torch.int32),
        sources=torch.zeros(n, 0, dtype=torch.float64),
    )


def seconds(at: Points) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.exp(1.0 + at.features[:, 0].numpy())


def test_it_learns_what_trials_cost() -> None:
    tried, at = points(40, seed=0), points(200, seed=1)
    told = relative_cost(LAYOUT, tried, seconds(tried), at).numpy()
    truth = seconds(at) / np.exp(np.log(seconds(tried)).mean())
    assert np.abs(np.log(told / truth)).mean() < 0.15


def test_it_leaves_the_range_of_what_was_seen_never() -> None:
    tried, far = points(20, seed=0), points(50, seed=1)
    far = Points(features=4.0 * far.features, knobs=far.knobs, sources=far.sources)
    spent_s = seconds(tried)
    told = relative_cost(LAYOUT, tried, spent_s, far) * np.exp(np.log(spent_s).mean())
    assert float(told.min()) >= spent_s.min() - 1e-9
    assert float(told.max()) <= spent_s.max() + 1e-9


def test_all_cost_the_same_until_enough_were_tried() -> None:
    tried = points(3, seed=0)
    told = relative_cost(LAYOUT, tried, seconds(tried), points(5, seed=1))
    torch.testing.assert_close(told, torch.ones(5).double())


def test_trials_that_took_no_time_do_no_harm() -> None:
    tried = points(20, seed=0)
    told = relative_cost(LAYOUT, tried, np.zeros(20), points(5, seed=1))
    assert told.numpy() == pytest.approx(1.0)
