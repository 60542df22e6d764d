"""The values that a parameter may take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.table_knob import Level, as_level

_MOST_LEVELS = 100_000


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What one parameter may be; what JSON can hold, lists as tuples."""

    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        if not self.levels:
            raise InputError("a parameter needs one value at least")
        if len(self.levels) > _MOST_LEVELS:
            raise InputError(
                f"a parameter has {len(self.levels)} values, and at most {_MOST_LEVELS} are "
                "searched: give fewer, for instance steps on a logarithmic scale"
            )


def choice(values: Iterable[Any]) -> Parameter:
    """One of these values: numbers, texts, booleans, None, or lists of numbers or texts.

    Raises:
        InputError: There is none, or one of another kind.
    """
    try:
        levels = [as_level(_plain(value)) for value in values]
    except TypeError as error:
        raise InputError(f"{error}: numbers, texts, booleans and lists of them can") from error
    return Parameter(levels=tuple(dict.fromkeys(levels)))


def randint(lower: int, upper: int, step: int = 1) -> Parameter:
    """A whole number from `lower` to `upper`, that excluded.

    Raises:
        InputError: There is none.
    """
    return choice(range(lower, upper, step))


def tile(extent: int, *, parts: int = 2) -> Parameter:
    """Factors whose product is `extent`, in every order: a loop of it split into `parts` loops.

    Raises:
        InputError: `extent` or `parts` is not positive.
    """
    if extent < 1 or parts < 1:
        raise InputError(f"tile({extent}, parts={parts}): both have to be positive")
    return choice(_factorings(extent, parts))


def steps(lower: float, upper: float, *, count: int = 32, log: bool = False) -> Parameter:
    """`count` numbers from `lower` to `upper`, both included, evenly spaced.

    With `log` they are so on a logarithmic scale.

    Raises:
        InputError: The bounds are no such range.
    """
    if not (lower < upper and (lower > 0 or not log)):
        raise InputError(f"steps({lower}, {upper}, log={log}): no such range")
    spaced = np.geomspace if log else np.linspace
    return choice(float(value) for value in spaced(lower, upper, count))


def _factorings(extent: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(extent,)]
    divisors = [k for k in range(1, extent + 1) if extent % k == 0]
    return [
        (first, *rest) for first in divisors for rest in _factorings(extent // first, parts - 1)
    ]


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's, a tuple as the list that JSON makes of it."""
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value
