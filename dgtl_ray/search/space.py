"""What a proposer asks of a design space."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.roles import IntArray


class SearchSpace(Protocol):
    """A set of configurations; `dgtl_ray.space.DesignSpace` is one, a recorded table another.

    A pool is int32 (n × columns). Column 0 holds the sketch, the others the index of each knob's
    value; every random choice is drawn from the generator that is passed in.
    """

    @property
    def size(self) -> int:
        """Number of configurations before constraints."""
        ...

    @property
    def knob_sizes(self) -> IntArray:
        """Number of values (sketches × (columns - 1)) of each knob; 1 where a sketch has none."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """Up to `n` distinct feasible rows; fewer where there are, or drawing finds, no more."""
        ...

    def mutate(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """One feasible neighbour of each row."""
        ...

    def crossover(self, a: IntArray, b: IntArray, rng: np.random.Generator) -> IntArray:
        """One feasible child of each pair of rows; the parents of a pair share their sketch."""
        ...

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """Which rows keep the constraints, shape (n,)."""
        ...

    def encode(self, pool: IntArray, device: DeviceDescriptor) -> NDArray[np.float32]:
        """Feature vectors, shape (n × features)."""
        ...
