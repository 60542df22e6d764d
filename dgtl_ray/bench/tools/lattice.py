"""A large design space with a known latency, to time models on."""

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.roles import FloatArray, IntArray

_LEVELS = 8


class Lattice:
    """Every combination of `knobs` knobs with eight values each; nothing is forbidden."""

    def __init__(self, knobs: int = 12) -> None:
        self.size: int = _LEVELS**knobs
        self.knob_sizes: IntArray = np.full((1, knobs), _LEVELS, dtype=np.int32)

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """`n` distinct rows."""
        drawn = rng.integers(_LEVELS, size=(2 * n, self.knob_sizes.size), dtype=np.int32)
        _, first = np.unique(drawn, axis=0, return_index=True)
        rows = drawn[np.sort(first)[:n]]
        return np.concatenate([np.zeros((len(rows), 1), dtype=np.int32), rows], axis=1)

    def mutate(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """Each row with another value of one knob."""
        changed, rows = pool.copy(), np.arange(len(pool))
        knob = 1 + rng.integers(self.knob_sizes.size, size=len(pool))
        step = rng.integers(1, _LEVELS, size=len(pool))
        changed[rows, knob] = (changed[rows, knob] + step) % _LEVELS
        return changed

    def crossover(self, a: IntArray, b: IntArray, rng: np.random.Generator) -> IntArray:
        """Each knob from either parent."""
        return np.where(rng.random(a.shape) < 0.5, a, b)

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """All rows are."""
        return np.ones(len(pool), dtype=np.bool_)

    def encode(self, pool: IntArray, device: DeviceDescriptor) -> NDArray[np.float32]:
        """Each value, its bits, and the device's cores: (n × (4 · knobs + 1))."""
        values = pool[:, 1:]
        bits = [values >> k & 1 for k in range(3)]
        cores = np.full((len(pool), 1), device.cores)
        return np.concatenate([values, *bits, cores], axis=1).astype(np.float32)

    def latency_s(self, pool: IntArray, twist: float = 1.0) -> FloatArray:
        """Seconds (n,): a bowl, neighbouring knobs that depend on one another, and alignment."""
        place = pool[:, 1:] / (_LEVELS - 1)
        bowl = np.square(place - 0.4).mean(axis=1)
        together = np.square(np.diff(place, axis=1)).mean(axis=1)
        odd = (pool[:, 1:] % 2).mean(axis=1)
        result: FloatArray = 1e-3 * np.exp(2.0 * bowl + twist * together + 0.5 * odd)
        return result

    def source(self, device: DeviceDescriptor, rows: int, seed: int) -> SourceTask:
        """So many random rows, measured on a device whose cores decide how knobs depend."""
        pool = self.sample(rows, np.random.default_rng(seed))
        return SourceTask(
            name=device.name,
            encoding=self.encode(pool, device),
            cost_s=self.latency_s(pool, twist=1.0 + 0.1 * device.cores),
            device=device,
            task_key="lattice",
        )
