"""Units in the last place."""

import numpy as np
import pytest

from dgtl_ray.bench.tools.ulp import floats, worst

ONE = np.array([1.0], np.float32)
E = np.array([np.e], np.float32)


def test_the_nearest_float_is_within_half_a_unit() -> None:
    assert worst("exp", ONE, E).ulp <= 0.5


def test_three_floats_away_is_three_units() -> None:
    found = E
    for _ in range(3):
        found = np.nextafter(found, np.float32(9))
    assert worst("exp", ONE, found).ulp == pytest.approx(3, abs=0.5)


def test_denormal_results_have_the_least_unit() -> None:
    x = np.array([-100.0], np.float32)
    found = np.exp(x.astype(np.float64)).astype(np.float32) + np.float32(2.0**-148)
    assert worst("exp", x, found).ulp == pytest.approx(2, abs=0.5)


@pytest.mark.parametrize(
    ("x", "found"), [(100.0, 3e38), (1.0, np.inf), (1.0, np.nan), (np.nan, 1.0)]
)
def test_a_wrong_infinity_or_nan_is_an_error_without_bound(x: float, found: float) -> None:
    assert worst("exp", np.array([x], np.float32), np.array([found], np.float32)).ulp == np.inf


def test_the_worst_is_named() -> None:
    x = np.array([0.0, 1.0, np.nan], np.float32)
    found = np.array([1.0, 2.0, np.nan], np.float32)
    assert worst("exp", x, found).x == 1.0


def test_every_float_is_met_once() -> None:
    x = np.concatenate([floats(first, 1 << 16, 1 << 12) for first in range(0, 1 << 32, 1 << 28)])
    assert len(np.unique(x.view(np.uint32))) == 1 << 20
    assert np.isnan(x).any()
    assert np.isinf(floats(0x7F800000, 1, 1)).all()
