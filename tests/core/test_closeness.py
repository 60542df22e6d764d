"""The rule by which answers are judged."""

from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.closeness import Closeness, coarsest, compare, tolerance_of

RANDOM = np.random.default_rng(0)
INF, NAN = np.inf, np.nan


def judge(found: Any, expected: Any, dtype: str = "float32", **how: Any) -> Closeness:
    found, expected = np.asarray(found, dtype), np.asarray(expected, dtype)
    return compare(found, expected, tolerance_of(dtype, **how))


@pytest.mark.parametrize(
    ("found", "expected", "ok"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0005], [1.0, 2.0], True),
        ([1.0, 2.01], [1.0, 2.0], False),
        ([1.0, -2.0], [1.0, 2.0], False),
        ([INF, NAN, 1.0], [INF, NAN, 1.0], True),
        ([INF, 1.0], [-INF, 1.0], False),
        ([3e38, 1.0], [INF, 1.0], False),
        ([NAN, 1.0], [1.0, 1.0], False),
        ([0.0, 0.0], [0.0, 0.0], True),
        ([0.0, 1.0], [0.0, 0.0], False),
        ([], [], True),
        ([[1.0, 2.0]], [1.0, 2.0], False),
        (1.0001, 1.0, True),
        (1.01, 1.0, False),
    ],
)
def test_floats(found: Any, expected: Any, ok: bool) -> None:
    assert judge(found, expected).ok == ok


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_integers_and_booleans_match_exactly(dtype: str) -> None:
    assert judge([1, 0, 1], [1, 0, 1], dtype).ok
    assert not judge([1, 1, 1], [1, 0, 1], dtype).ok


def test_integers_that_no_float_tells_apart() -> None:
    assert not judge([2**60], [2**60 + 1], "int64").ok


def test_a_part_a_thousand_times_smaller_is_judged_by_its_own_size() -> None:
    right = RANDOM.standard_normal((1, 32)).astype("float32")
    right[:, :16] *= 1000
    wrong = right.copy()
    wrong[:, 16:] *= 1.1
    closeness = judge(wrong, right)
    assert closeness.error < 1e-3
    assert not closeness.ok


@pytest.mark.parametrize("mask", [-1e9, -3.4e38, -INF])
def test_a_mask_among_logits_hides_nothing(mask: float) -> None:
    right = RANDOM.standard_normal((4, 32)).astype("float32")
    right[:, 24:] = mask
    wrong = right.copy()
    wrong[:, :24] += 0.1
    assert judge(right, right).ok
    assert not judge(wrong, right).ok


@pytest.mark.parametrize("shape", [(1, 1000), (1, 64, 14, 14), (2, 3), (5000, 3)])
def test_rounding_errors_pass(shape: tuple[int, ...]) -> None:
    """Whatever cancels to nearly zero, and is relatively far off, among others."""
    right = RANDOM.standard_normal(shape)
    noise = 2e-6 * RANDOM.standard_normal(shape)
    assert judge(right + noise, right).ok
    assert judge(np.maximum(right + noise, 0), np.maximum(right, 0)).ok


def test_each_format_has_its_own_tolerance() -> None:
    right = RANDOM.standard_normal(64)
    off = right * 1.005
    assert judge(off, right, "float16").ok
    assert not judge(off, right).ok
    assert judge(off, right, precision="float16").ok
    assert not judge(right * (1 + 1e-5), right, "float64").ok
    assert coarsest(["float32", "bfloat16"]) == "bfloat16"


def test_a_quantised_output_may_be_one_step_off() -> None:
    right = RANDOM.integers(-100, 100, 64) * 0.1
    assert judge(right + 0.1, right, step=0.1).ok
    assert not judge(right + 0.2, right, step=0.1).ok
    assert judge([3, 4], [3, 5], "uint8", step=1.0).ok


def test_the_worst_element_is_named() -> None:
    assert judge([[1.0, 2.5]], [[1.0, 2.0]]).worst == "is 2.5 instead of 2 at [0, 1]"
    assert judge([1.0], [[1.0]]).worst == "has shape [1] instead of [1, 1]"
