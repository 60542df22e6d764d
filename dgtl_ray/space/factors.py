"""Perfect tilings: every way to write an extent as an ordered product."""

from functools import cache

import numpy as np

from dgtl_ray.core.roles import IntArray


@cache
def factorisations(extent: int, parts: int, max_innermost: int) -> IntArray:
    """All ordered factorisations of `extent`, outermost part first, in lexicographic order.

    Args:
        extent: What the parts multiply to, at least 1.
        parts: How many parts, at least 1.
        max_innermost: The last part is no greater than this.

    Returns:
        (choices × parts), read-only: it is shared between all who ask.
    """
    table = np.array(_rows(extent, parts, max_innermost), dtype=np.int32).reshape(-1, parts)
    table.setflags(write=False)
    return table


@cache
def prime_factors(extent: int) -> tuple[int, ...]:
    """The distinct primes that divide `extent`, ascending."""
    primes, rest, candidate = [], extent, 2
    while rest > 1:
        if rest % candidate == 0:
            primes.append(candidate)
            while rest % candidate == 0:
                rest //= candidate
        candidate += 1
    return tuple(primes)


def _rows(extent: int, parts: int, max_innermost: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(extent,)] if extent <= max_innermost else []
    return [
        (first, *rest)
        for first in _divisors(extent)
        for rest in _rows(extent // first, parts - 1, max_innermost)
    ]


@cache
def _divisors(extent: int) -> tuple[int, ...]:
    return tuple(i for i in range(1, extent + 1) if extent % i == 0)
