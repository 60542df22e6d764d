"""Drawing distinct feasible configurations of one sketch, fast even where few are feasible."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.sketch import Sketch

Mask = NDArray[np.bool_]

# A sketch no larger than this is written out whole: sampling it can then be exhaustive.
ENUMERABLE = 1 << 15
# Rows drawn at a time: enough to pay for the vectorised predicates, small enough for the caches.
BATCH = 1 << 15
# Draws without one new row before a sketch counts as exhausted.
FRUITLESS_BATCHES = 8


def draw(
    sketch: Sketch,
    n: int,
    feasible: Callable[[IntArray], Mask],
    rng: np.random.Generator,
) -> IntArray:
    """At most `n` distinct feasible choices (rows × knobs), uniform over the sketch.

    Fewer only where the sketch holds fewer, or so few that drawing finds no more of them.
    """
    if sketch.size <= ENUMERABLE:
        rows = enumerate_choices(sketch)
        rows = rows[feasible(rows)]
        return rows[rng.permutation(len(rows))[:n]]
    found = np.empty((0, len(sketch.knobs)), dtype=np.int32)
    fruitless = 0
    while len(found) < n and fruitless < FRUITLESS_BATCHES:
        rows = rng.integers(0, sketch.choices, size=(BATCH, len(sketch.knobs)), dtype=np.int32)
        grown = distinct(np.concatenate([found, rows[feasible(rows)]]))
        fruitless = fruitless + 1 if len(grown) == len(found) else 0
        found = grown
    return found[:n]


def enumerate_choices(sketch: Sketch) -> IntArray:
    """(size × knobs): every choice of a sketch, in order."""
    if not sketch.knobs:
        return np.zeros((1, 0), dtype=np.int32)
    flat = np.arange(sketch.size)
    columns = np.unravel_index(flat, tuple(int(c) for c in sketch.choices))
    return np.stack(columns, axis=1).astype(np.int32)


def distinct(rows: IntArray) -> IntArray:
    """The rows without repetitions, in their order."""
    keep = np.unique(row_keys(rows), return_index=True)[1]
    kept: IntArray = rows[np.sort(keep)]
    return kept


def row_keys(rows: IntArray) -> NDArray[np.uint64]:
    """(n,) a hash of each row; equal rows have equal keys, and others hardly ever."""
    keys = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        keys = (keys ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys
