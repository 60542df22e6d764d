import numpy as np
import pytest

from dgtl_ray.transfer.scaling import LatencyScale, Warp

COST_S = np.exp(np.array([-3.0, -2.5, -2.0, -1.0, 4.0]))


def test_only_the_slow_half_is_squeezed() -> None:
    warped = Warp.of(COST_S)(COST_S)
    np.testing.assert_allclose(warped[:3], [-3.0, -2.5, -2.0])
    np.testing.assert_allclose(warped[3:], [-2.0 + np.log(2.0), -2.0 + np.log(7.0)])


def test_a_warp_is_undone() -> None:
    warp = Warp.of(COST_S)
    mean, _ = warp.undone(warp(COST_S), np.ones(5))
    np.testing.assert_allclose(mean, np.log(COST_S))


def test_spread_and_slope_go_with_the_warp() -> None:
    warp, step = Warp.of(COST_S), 1e-6
    rise = (warp(COST_S * np.exp(step)) - warp(COST_S)) / step
    slope = np.exp(warp.log_slope(warp(COST_S)))
    np.testing.assert_allclose(slope[[0, 1, 3, 4]], rise[[0, 1, 3, 4]], rtol=1e-4)
    _, std = warp.undone(warp(COST_S), np.ones(5))
    np.testing.assert_allclose(std, 1.0 / slope)


def test_nothing_is_squeezed_before_anything_is_measured() -> None:
    np.testing.assert_array_equal(Warp.of(np.array([]))(COST_S), np.log(COST_S))


def test_latencies_that_differ_little_are_hardly_squeezed() -> None:
    alike = np.exp(np.array([0.0, 1e-4, 2e-4]))
    np.testing.assert_allclose(Warp.of(alike)(alike), np.log(alike), atol=1e-6)


def test_a_scale_of_latencies_is_one_of_their_logarithms() -> None:
    assert LatencyScale.of(COST_S) == LatencyScale.of_logs(np.log(COST_S))
    standard = LatencyScale.of(COST_S)(COST_S)
    assert (standard.mean(), standard.std()) == pytest.approx((0.0, 1.0))
