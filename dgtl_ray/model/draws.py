"""The inputs on which a network's answers are compared."""

from dataclasses import dataclass

import numpy as np

from dgtl_ray.core.closeness import is_float
from dgtl_ray.core.seeds import stream
from dgtl_ray.model.facts import Range
from dgtl_ray.model.network import Network
from dgtl_ray.model.source import Array

# Large enough to reach what saturates, small enough for float16.
_LARGE = 4.0


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One input of a network, with a name for it that users understand."""

    name: str
    inputs: tuple[Array, ...]


def draws(network: Network, seed: int = 0) -> tuple[Draw, ...]:
    """Inputs that tell wrong answers from right ones.

    The user's own, where there are any; standard normal ones; large ones; and ones from 0 to 1, for
    what is defined for positive numbers only. Integers, and floats that look up rows, are drawn
    anew for each.
    """
    own = network.source.own_inputs()
    given = () if own is None else (Draw(name="the example inputs", inputs=own),)
    normal = network.example_inputs(seed)
    large = network.example_inputs(seed + 1)
    positive = network.example_inputs(seed + 2)
    looked_up = network.facts.ranges
    return (
        *given,
        Draw(name="normal inputs", inputs=normal),
        Draw(name="large inputs", inputs=tuple(map(_enlarged, large, looked_up))),
        Draw(
            name="inputs from 0 to 1",
            inputs=tuple(
                _uniform(array, rows, seed, k)
                for k, (array, rows) in enumerate(zip(positive, looked_up, strict=True))
            ),
        ),
    )


def _enlarged(array: Array, rows: Range | None) -> Array:
    if rows is not None or not is_float(array.dtype.name):
        return array
    return np.asarray(array * _LARGE, array.dtype)


def _uniform(array: Array, rows: Range | None, seed: int, position: int) -> Array:
    if rows is not None or not is_float(array.dtype.name):
        return array
    random = stream(seed, "uniform", position)
    return np.asarray(random.uniform(0, 1, array.shape), array.dtype)
