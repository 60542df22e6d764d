import numpy as np
import pytest

from dgtl_ray.transfer.scaling import WIDTH, LatencyScale, Warp

COST_S = np.array([1e-3, 1.5e-3, 2e-3, 3e-3, 0.5])


def test_only_what_is_slower_than_twice_the_fastest_is_squeezed() -> None:
    warped, knee = Warp.of(COST_S)(COST_S), np.log(2e-3)
    np.testing.assert_allclose(warped[:3], np.log(COST_S[:3]))
    slow = np.log(COST_S[3:]) - knee
    np.testing.assert_allclose(warped[3:], knee + WIDTH * np.log(1.0 + slow / WIDTH))


def test_a_warp_is_undone() -> None:
    warp = Warp.of(COST_S)
    mean, _ = warp.undone(warp(COST_S), np.ones(5))
    np.testing.assert_allclose(mean, np.log(COST_S))


def test_spread_and_slope_go_with_the_warp() -> None:
    warp, step = Warp.of(COST_S), 1e-6
    rise = (warp(COST_S * np.exp(step)) - warp(COST_S)) / step
    slope = np.exp(warp.log_slope(warp(COST_S)))
    np.testing.assert_allclose(slope, rise, rtol=1e-4)
    _, std = warp.undone(warp(COST_S), np.ones(5))
    np.testing.assert_allclose(std, 1.0 / slope)


def test_nothing_is_squeezed_before_anything_is_measured() -> None:
    np.testing.assert_array_equal(Warp.of(np.array([]))(COST_S), np.log(COST_S))


def test_a_scale_of_latencies_is_one_of_their_logarithms() -> None:
    assert LatencyScale.of(COST_S) == LatencyScale.of_logs(np.log(COST_S))
    standard = LatencyScale.of(COST_S)(COST_S)
    assert (standard.mean(), standard.std()) == pytest.approx((0.0, 1.0))
