"""Drawing distinct feasible configurations of one sketch, fast even where few are feasible."""

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.constraints import Constraints
from dgtl_ray.space.sketch import Sketch

# A sketch no larger than this is written out whole: sampling it can then be exhaustive.
ENUMERABLE = 1 << 15
# Rows drawn at a time: enough to pay for the vectorised rules, small enough for the caches.
BATCH = 1 << 15
# Batches in a row without one new configuration before a sketch counts as exhausted.
FRUITLESS_BATCHES = 8


def draw(constraints: Constraints, n: int, rng: np.random.Generator) -> IntArray:
    """At most `n` distinct feasible choices (rows × knobs), uniform over the feasible ones.

    Fewer only where the sketch holds fewer, or so few that drawing finds no more of them.
    """
    if constraints.sketch.size <= ENUMERABLE:
        rows = enumerate_choices(constraints.sketch)
        rows = rows[constraints.hold(rows)]
        return rows[rng.permutation(len(rows))[:n]]
    found, pending, fruitless = np.empty((0, len(constraints.sketch.knobs)), np.int32), [], 0
    while len(found) < n and fruitless < FRUITLESS_BATCHES:
        batch = _draw_batch(constraints, rng)
        pending.append(batch)
        fruitless = 0 if len(batch) else fruitless + 1
        if len(found) + sum(map(len, pending)) >= n:
            grown = distinct(np.concatenate([found, *pending]))
            fruitless = 0 if len(grown) > len(found) else fruitless + len(pending)
            found, pending = grown, []
    return distinct(np.concatenate([found, *pending]))[:n]


def enumerate_choices(sketch: Sketch) -> IntArray:
    """(size × knobs): every choice of a sketch, in order."""
    if not sketch.knobs:
        return np.zeros((1, 0), dtype=np.int32)
    columns = np.unravel_index(np.arange(sketch.size), tuple(len(knob) for knob in sketch.knobs))
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


def _draw_batch(constraints: Constraints, rng: np.random.Generator) -> IntArray:
    """The feasible ones of a batch of uniform draws.

    What cannot be part of any feasible configuration is not drawn in the first place: single
    choices, and combinations of tiles. Among the feasible configurations this stays uniform.
    """
    tiles, tilings = constraints.usable_tilings
    rows = np.zeros((BATCH if len(tilings) else 0, len(constraints.sketch.knobs)), dtype=np.int32)
    rows[:, tiles] = tilings[rng.integers(0, max(len(tilings), 1), size=len(rows))]
    for knob in sorted(set(range(rows.shape[1])) - set(tiles)):
        usable = constraints.usable[knob]
        rows[:, knob] = usable[rng.integers(0, len(usable), size=len(rows))]
    return rows[constraints.hold(rows)]
