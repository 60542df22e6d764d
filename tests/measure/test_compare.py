"""How far outputs are apart."""

import math

import numpy as np
import pytest

from dgtl_ray.measure.compare import relative_error

RNG = np.random.default_rng(0)
EXPECTED = RNG.standard_normal((40, 30)).astype(np.float32)


def test_equal() -> None:
    assert relative_error(EXPECTED, EXPECTED) == 0.0


@pytest.mark.parametrize("error", [1e-4, 1e-2, 1.0])
def test_one_wrong_element_is_found(error: float) -> None:
    found = EXPECTED.copy()
    largest = np.unravel_index(np.argmax(np.abs(EXPECTED)), EXPECTED.shape)
    found[largest] *= 1 + error
    assert relative_error(found, EXPECTED) == pytest.approx(error, rel=1e-2)


def test_strays_are_not_looked_at() -> None:
    found = EXPECTED.copy()
    found[3, 4] += 1.0
    found[5, 6] += 0.1
    assert relative_error(found, EXPECTED, strays=1) < relative_error(found, EXPECTED)
    assert relative_error(found, EXPECTED, strays=2) == 0.0


def test_cancellation_is_no_error() -> None:
    expected = np.append(EXPECTED.ravel(), np.float32(1e-9))
    found = np.append(EXPECTED.ravel(), np.float32(3e-7))
    assert relative_error(found, expected) < 1e-6


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_a_number(bad: float) -> None:
    found = EXPECTED.copy()
    found[3, 4] = bad
    assert relative_error(found, EXPECTED) == math.inf
    assert relative_error(EXPECTED, found) == math.inf
    assert relative_error(found, found) == 0.0


def test_integers_and_zeros() -> None:
    zeros = np.zeros(5, np.int32)
    assert relative_error(zeros, zeros) == 0.0
    assert relative_error(zeros + 1, zeros) == math.inf
