"""Random streams: one seed, split by task and step, so that a run can be repeated."""

from zlib import crc32

import numpy as np


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A generator of its own for each `path` (say, task and step) under one `seed`."""
    words = [crc32(str(step).encode()) for step in path]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
