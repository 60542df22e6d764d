"""The values that a parameter may take."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.table_knob import Level, as_level, level_text

_MOST_LEVELS = 100_000


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What one parameter may be; what JSON can hold, lists as tuples."""

    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        if not self.levels:
            raise InputError("a parameter needs one value at least")
        check_count(len(self.levels))


def check_count(count: int) -> None:
    """So many values of a parameter can be searched.

    Raises:
        InputError: They are too many.
    """
    if count > _MOST_LEVELS:
        raise InputError(
            f"a parameter has more than {_MOST_LEVELS} values, and no more are searched: "
            "give fewer, for instance steps on a logarithmic scale"
        )


def count_of(numbers: range) -> int:
    """How many there are: `len` fails where they are very many."""
    return max(0, -((numbers.start - numbers.stop) // numbers.step))


def choice(values: Iterable[Any]) -> Parameter:
    """One of these values: numbers, texts, booleans, None, or lists of numbers or texts.

    Raises:
        InputError: There is none, or one of another kind, or they are too many.
    """
    if isinstance(values, range):
        check_count(count_of(values))
    levels: dict[str, Level] = {}
    try:
        for value in values:
            level = as_level(_plain(value))
            levels.setdefault(level_text(level), level)
            check_count(len(levels))
    except TypeError as error:
        raise InputError(f"{error}: numbers, texts, booleans and lists of them can") from error
    return Parameter(levels=tuple(levels.values()))


def randint(lower: int, upper: int, step: int = 1) -> Parameter:
    """A whole number from `lower` to `upper`, that excluded.

    Raises:
        InputError: There is none, or they are too many.
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
        InputError: The bounds are no such range, or the numbers are too many.
    """
    check_count(count)
    if not (lower < upper and (lower > 0 or not log)):
        raise InputError(f"steps({lower}, {upper}, log={log}): no such range")
    spaced = np.geomspace if log else np.linspace
    return choice(float(value) for value in spaced(lower, upper, count))


def _factorings(extent: int, parts: int) -> Iterator[tuple[int, ...]]:
    """One by one, as there may be too many."""
    if parts == 1:
        yield (extent,)
        return
    for first in range(1, extent + 1):
        if extent % first == 0:
            for rest in _factorings(extent // first, parts - 1):
                yield (first, *rest)


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's, a tuple as the list that JSON makes of it."""
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value
