from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.space.factors import factorisations, prime_factors


@given(st.integers(1, 96), st.integers(1, 4), st.integers(1, 64))
def test_they_are_all_the_ways_to_write_the_extent(
    extent: int, parts: int, max_innermost: int
) -> None:
    divisors = [d for d in range(1, extent + 1) if extent % d == 0]
    expected = [
        row
        for row in product(divisors, repeat=parts)
        if np.prod(row) == extent and row[-1] <= max_innermost
    ]
    assert [tuple(row) for row in factorisations(extent, parts, max_innermost)] == expected


@given(st.integers(2, 5000))
def test_prime_factors_divide_and_leave_nothing(extent: int) -> None:
    rest = extent
    for prime in prime_factors(extent):
        assert rest % prime == 0
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
