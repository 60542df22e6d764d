"""Arguments of a kernel: random arrays from shapes and element types alone."""

import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.task import TensorSpec

PlacedT = TypeVar("PlacedT")

# Prime, so that the repetitions of the block do not fall in step with any tile.
_BLOCK = 1_000_003
# In the place of an output's position.
_OUTPUT = -1


def random_array(spec: TensorSpec, position: int, seed: int) -> NDArray[np.generic]:
    """An array for argument number `position`: the same for the same arguments.

    Floats are uniform in ±(0.1 … 1): no denormals, which some kernels meet with traps. Integers are
    0, safe as an index into an axis of any length; truth values and those of 8 bits 0 or 1. One
    random block is repeated: filling 400 MB anew would take seconds.
    """
    text = f"{position} {spec.shape} {spec.dtype}"
    rng = np.random.default_rng([seed, zlib.crc32(text.encode())])
    size = int(np.prod(spec.shape, dtype=np.int64))
    dtype = np.dtype(spec.dtype)
    count = min(size, _BLOCK)
    if dtype.kind == "f":
        sign = rng.integers(0, 2, count) * 2 - 1
        block = (rng.uniform(0.1, 1.0, count) * sign).astype(dtype)
    else:
        largest = 0 if dtype.kind in "iu" and dtype.itemsize > 1 else 1
        block = rng.integers(0, largest, count, endpoint=True).astype(dtype)
    return np.resize(block, spec.shape)


class ArgumentCache(Generic[PlacedT]):
    """The arguments used last, each placed where the kernel runs, up to `limit_bytes`.

    One set of arguments may be larger than the limit. Kernels share what they read, and what their
    last argument is, the output; no kernel reads an output, or its time would depend on what ran
    before.

    Args:
        place: Puts an array where the kernel runs.
        seed: Of the arrays' values.
        limit_bytes: What may be kept.
    """

    def __init__(
        self, place: Callable[[NDArray[np.generic]], PlacedT], *, seed: int, limit_bytes: int
    ) -> None:
        self._place = place
        self._seed = seed
        self._limit_bytes = limit_bytes
        self._placed: OrderedDict[tuple[TensorSpec, int], tuple[PlacedT, int]] = OrderedDict()

    def get(self, specs: Sequence[TensorSpec]) -> list[PlacedT]:
        """One argument for each spec, inputs before the output."""
        last = len(specs) - 1
        keys = [(spec, k if k < last else _OUTPUT) for k, spec in enumerate(specs)]
        for key in keys:
            if key not in self._placed:
                array = random_array(*key, self._seed)
                self._placed[key] = (self._place(array), array.nbytes)
            self._placed.move_to_end(key)
        found = [self._placed[key][0] for key in keys]
        self._shrink(keep=len(keys))
        return found

    def _shrink(self, keep: int) -> None:
        while len(self._placed) > keep and self._held_bytes() > self._limit_bytes:
            self._placed.popitem(last=False)

    def _held_bytes(self) -> int:
        return sum(size_bytes for _, size_bytes in self._placed.values())
