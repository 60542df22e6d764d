"""Arguments: the same from the same shapes, ordinary numbers, bounded memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgtl_ray.core.task import TensorSpec
from dgtl_ray.measure.arguments import ArgumentCache, random_array

SHAPES = st.lists(st.integers(1, 12), max_size=4).map(tuple)


@settings(deadline=None)
@given(shape=SHAPES, dtype=st.sampled_from(["float32", "float16", "int32", "int64", "bool"]))
def test_shape_dtype_and_repeatability(shape: tuple[int, ...], dtype: str) -> None:
    spec = TensorSpec(shape=shape, dtype=dtype)
    array = random_array(spec, 0, seed=3)
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
    assert np.array_equal(array, random_array(spec, 0, seed=3))


def test_floats_are_no_denormals_and_of_both_signs() -> None:
    spec = TensorSpec(shape=(100, 100), dtype="float32")
    array = random_array(spec, 0, seed=0).astype(np.float64)
    magnitude = np.abs(array)
    assert 0.0999 < magnitude.min() < magnitude.max() <= 1.0
    assert -0.1 < float(np.mean(array)) < 0.1


def test_integers_are_safe_as_an_index() -> None:
    for dtype in ("int16", "int32", "int64"):
        assert not random_array(TensorSpec(shape=(1000,), dtype=dtype), 0, seed=0).any()


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8"])
def test_what_is_no_index_is_not_the_same_everywhere(dtype: str) -> None:
    array = random_array(TensorSpec(shape=(1000,), dtype=dtype), 0, seed=0)
    assert set(np.unique(array)) == {0, 1}


def test_arguments_of_one_shape_differ() -> None:
    spec = TensorSpec(shape=(50,), dtype="float32")
    assert not np.array_equal(random_array(spec, 0, seed=0), random_array(spec, 1, seed=0))


def test_a_large_array_repeats_without_a_pattern() -> None:
    spec = TensorSpec(shape=(5_000, 2_000), dtype="float32")
    array = random_array(spec, 0, seed=0).astype(np.float64)
    assert np.std(array[::2]) == pytest.approx(np.std(array[1::2]), rel=1e-2)
    assert not np.array_equal(array[0], array[1])


def _cache(limit_bytes: int) -> tuple[ArgumentCache[int], list[int]]:
    placed: list[int] = []

    def place(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
        placed.append(array.size)
        return array.size

    return ArgumentCache(place, seed=0, limit_bytes=limit_bytes), placed


def spec(size: int) -> TensorSpec:
    return TensorSpec(shape=(size,), dtype="float32")


def test_what_is_kept_is_not_made_again() -> None:
    cache, placed = _cache(limit_bytes=1000)
    assert cache.get([spec(10), spec(20)]) == [10, 20]
    assert cache.get([spec(10), spec(20)]) == [10, 20]
    assert placed == [10, 20]


def test_what_a_kernel_writes_is_no_input_of_another() -> None:
    cache = ArgumentCache(lambda array: array.copy(), seed=0, limit_bytes=1 << 20)
    *_, written = cache.get([spec(10)] * 2)
    *inputs, output = cache.get([spec(10)] * 3)
    assert all(given is not written for given in inputs)
    assert output is written


def test_the_oldest_goes_first() -> None:
    cache, placed = _cache(limit_bytes=4 * 40)
    cache.get([spec(20)])
    cache.get([spec(15)])
    cache.get([spec(20)])
    cache.get([spec(16)])
    cache.get([spec(20)])
    assert placed == [20, 15, 16]
    cache.get([spec(15)])
    assert placed == [20, 15, 16, 15]


def test_one_set_may_be_larger_than_the_limit() -> None:
    cache, placed = _cache(limit_bytes=10)
    assert cache.get([spec(100), spec(200)]) == [100, 200]
    cache.get([spec(100), spec(200)])
    assert placed == [100, 200]
