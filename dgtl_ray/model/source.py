"""What a user's network looks like to the rest of the room, whatever framework it comes from."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import TensorSpec

Array = NDArray[Any]


class NoWayError(InputError):
    """A network has no more ways in than were tried."""


class Source(Protocol):
    """A network in its own framework."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed of it when it was read, a sentence each."""
        ...

    def to_relax(self) -> Any:
        """A relax module with one function `main`, its weights bound as constants.

        Raises:
            InputError: TVM cannot import the network.
        """
        ...

    def example_inputs(self, seed: int) -> tuple[Array, ...]:
        """Inputs that the network accepts, the same for the same seed."""
        ...

    def own_inputs(self) -> tuple[Array, ...] | None:
        """Inputs that the user gave with the network, None where there are none."""
        ...

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The network's outputs, by its own framework.

        Raises:
            InputError: The framework cannot run it.
        """
        ...

    @property
    def way(self) -> int:
        """Which of its ways in is the first to be tried, or was taken; 0 is the likeliest."""
        ...

    def by_way(self, way: int) -> "Source":
        """The same network by a way in, or by one that comes after it."""
        ...

    def other_way(self) -> "Source | None":
        """By the next way in, to be tried where this one gives wrong answers; None at the end."""
        ...

    def instead(self, why: str) -> str:
        """What to tell of this way where it is taken because the first one is no good."""
        ...

    def opened(self) -> "OpenedSource":
        """The same network with the result of every operator as an output.

        Raises:
            InputError: It cannot be opened.
        """
        ...


class OpenedSource(Protocol):
    """A network that returns what each of its operators computes, in the order of computing."""

    @property
    def labels(self) -> Sequence[str]:
        """What the user calls the operator behind each output."""
        ...

    def to_relax(self) -> Any:
        """See `Source`."""
        ...

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See `Source`."""
        ...


def random_inputs(specs: Sequence[TensorSpec], seed: int) -> tuple[Array, ...]:
    """Standard normal floats; zeros and ones for other dtypes, which may be ids or masks."""
    return tuple(
        _random(spec, stream(seed, "example_inputs", position))
        for position, spec in enumerate(specs)
    )


def _random(spec: TensorSpec, random: np.random.Generator) -> Array:
    if "float" in spec.dtype:
        return random.standard_normal(spec.shape).astype(spec.dtype)
    return random.integers(0, 2, spec.shape).astype(spec.dtype)
