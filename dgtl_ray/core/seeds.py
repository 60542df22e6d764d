"""Random streams: one seed, split by task and step, so that a run can be repeated."""

from zlib import crc32

import numpy as np

from dgtl_ray.core.errors import InputError

# The most that a column of history holds.
_LARGEST = 2**63 - 1


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A generator of its own for each `path` (say, task and step) under one `seed`."""
    words = [crc32(str(step).encode()) for step in path]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def check_seed(seed: int) -> None:
    """Refuse what random streams cannot begin with, or history cannot keep.

    Raises:
        InputError: It is no whole number, or out of range.
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= _LARGEST:
        raise InputError(f"seed is {seed!r}: give a whole number from 0 to {_LARGEST}")
