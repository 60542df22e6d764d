"""A small design space whose every configuration, and whose best one, is known."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.roles import FloatArray, IntArray


class GridSpace:
    """Two sketches over the same knobs, some corners of the grid forbidden.

    Args:
        levels: Number of values of each knob.
        sketches: Number of sketches; 0 makes an empty space.
    """

    def __init__(self, levels: tuple[int, ...] = (8, 8, 8, 8), sketches: int = 2) -> None:
        self._levels = levels
        self.knob_sizes: IntArray = np.tile(np.array(levels, dtype=np.int32), (sketches, 1))
        grid = product(range(sketches), *(range(count) for count in levels))
        everything = np.array(list(grid), dtype=np.int32).reshape(-1, 1 + len(levels))
        self.size = len(everything)
        self.rows: IntArray = everything[self.feasible(everything)]

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """Which rows (n × columns) are in the grid and not near its far corner, shape (n,)."""
        knobs = pool[:, 1:]
        inside = ((knobs >= 0) & (knobs < np.array(self._levels))).all(axis=1)
        near = knobs.sum(axis=1) <= 0.75 * sum(count - 1 for count in self._levels)
        result: NDArray[np.bool_] = inside & near
        return result

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """Up to `n` distinct feasible rows."""
        return self.rows[rng.permutation(len(self.rows))[:n]]

    def mutate(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """Each row with one knob changed, or as it was where that is not feasible."""
        changed = pool.copy()
        for row in changed:
            knob = rng.integers(len(self._levels))
            row[1 + knob] = rng.integers(self._levels[knob])
        return np.where(self.feasible(changed)[:, None], changed, pool)

    def crossover(self, a: IntArray, b: IntArray, rng: np.random.Generator) -> IntArray:
        """Each knob from either parent; the first parent where that is not feasible."""
        mixed = np.where(rng.random(a.shape) < 0.5, a, b)
        mixed[:, 0] = a[:, 0]
        return np.where(self.feasible(mixed)[:, None], mixed, a)

    def encode(self, pool: IntArray, device: DeviceDescriptor) -> NDArray[np.float32]:
        """The row itself and the device's cores, shape (n × (columns + 1))."""
        cores = np.full((len(pool), 1), device.cores)
        return np.concatenate([pool, cores], axis=1).astype(np.float32)

    def latency_s(self, pool: IntArray) -> FloatArray:
        """A smooth latency (n,): best with sketch 1, if there is one, and every knob at a third.

        The knobs after the first depend on the one before them.
        """
        place = pool[:, 1:] / np.maximum(np.array(self._levels) - 1, 1)
        away = np.square(place - 1 / 3).sum(axis=1)
        twist = np.square(np.diff(place, axis=1)).sum(axis=1)
        penalty = 0.3 * (pool[:, 0] == 0)
        result: FloatArray = 1e-3 * np.exp(1.5 * away + twist + penalty)
        return result

    def spent_s(self, pool: IntArray) -> FloatArray:
        """Seconds (n,) that building and timing take: more with each step of the first knob."""
        result: FloatArray = 0.1 + 0.05 * pool[:, 1].astype(np.float64)
        return result
