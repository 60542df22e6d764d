"""A named knob of any space, and what a model is told of its values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a knob's value may be: what JSON can hold, lists as tuples.
Level = bool | int | float | str | tuple[int | float | str, ...] | None

# A knob of at most so many numbers gets a column for each of them; one column tells two apart.
MOST_ONE_HOT = 4
# Names that get a column each, of a knob that has more of them: all others share one.
_MOST_NAMED = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class TableKnob:
    """One choice: a number, or one of some names.

    Attributes:
        name: Unique within its space.
        levels: The values that it takes; numbers in ascending order, others as they were given.
    """

    name: str
    levels: tuple[Level, ...]

    @classmethod
    def of(cls, name: str, values: Sequence[Level]) -> "TableKnob":
        """The knob that takes these values, each once."""
        # By their text: 1, 1.0 and True are equal in Python, and different values.
        levels = tuple({level_text(level): level for level in values}.values())
        numbers = [level for level in levels if isinstance(level, bool | int | float)]
        if len(numbers) == len(levels):
            return cls(name=name, levels=tuple(sorted(numbers)))
        return cls(name=name, levels=levels)

    @cached_property
    def numerical(self) -> bool:
        """Whether its values are numbers, so that some are nearer to each other than others."""
        return all(isinstance(level, bool | int | float) for level in self.levels)

    @cached_property
    def parts(self) -> int:
        """Of how many numbers each value is made; 0 where they are no tuples of numbers."""
        lengths = {len(x) if isinstance(x, tuple) else 0 for x in self.levels}
        if len(lengths) != 1:
            return 0
        parts = [part for x in self.levels if isinstance(x, tuple) for part in x]
        return lengths.pop() if all(isinstance(part, int | float) for part in parts) else 0

    @cached_property
    def index(self) -> "LevelIndex":
        """Position of each level."""
        return LevelIndex(self.levels)

    @cached_property
    def given(self) -> NDArray[Any]:
        """(levels,) as they were given."""
        return as_column(self.levels, exact=True)

    @cached_property
    def calculated(self) -> NDArray[Any]:
        """(levels,) as restrictions calculate with them."""
        return as_column(self.levels)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of its features."""
        return tuple(
            f"{self.name} {kind}" for kind in (*self._of_number, *self._one_hot, *self._of_rest)
        )

    def features(self, values: Sequence[Level]) -> NDArray[np.float32]:
        """Features (n × columns) of values, of these levels or of a related knob's.

        Where most of a knob's levels are no powers of two, alignment and divisibility decide, so
        they are told; and few levels are told one by one, for nothing may be smooth about them.
        A value that this knob cannot take is a stranger to every level, and no number scores 0.
        """
        parts = [
            [
                *self._number_features(value),
                *(value == level for level in self._one_hot.values()),
                *self._rest_features(value),
            ]
            for value in values
        ]
        return np.array(parts, dtype=np.float32).reshape(len(values), len(self.columns))

    @cached_property
    def _of_number(self) -> tuple[str, ...]:
        """What is told of numbers: two levels differ in one thing only."""
        if self.parts:
            kinds = ("log2", "zero bits")
            return tuple(f"{kind} of part {k}" for k in range(self.parts) for kind in kinds)
        told = ("scaled", "log2", "zero bits", "power of two")
        if not self.numerical:
            return told if self._rest and any(map(_is_number, self.levels)) else ()
        return told if len(self.levels) > 2 else told[:1]

    @cached_property
    def _one_hot(self) -> dict[str, Level]:
        """Levels with a column of their own, by the column's name."""
        few = 2 < len(self.levels) <= MOST_ONE_HOT
        if self._rest:
            return {f"is {level}": level for level in self._names[:_MOST_NAMED]}
        told = self.levels if few or not (self.numerical or self.parts) else ()
        return {f"is {level}": level for level in told}

    @cached_property
    def _names(self) -> tuple[Level, ...]:
        """Levels that are no numbers."""
        return tuple(level for level in self.levels if not _is_number(level))

    @cached_property
    def _rest(self) -> bool:
        """Whether it has too many levels, not all of them numbers, to tell them one by one."""
        return len(self.levels) > _MOST_NAMED and not (self.numerical or self.parts)

    @cached_property
    def _of_rest(self) -> tuple[str, ...]:
        """What is told of levels without a column of their own."""
        return ("is a number", "is another") if self._rest else ()

    @cached_property
    def _others(self) -> frozenset[Level]:
        """Names without a column of their own."""
        return frozenset(self._names[_MOST_NAMED:])

    def _rest_features(self, value: Level) -> tuple[float, ...]:
        """Whether a value is a number, and whether one of the other names."""
        told = (float(_is_number(value)), float(value in self._others))
        return told if self._rest else ()

    @cached_property
    def _scale(self) -> float:
        numbers = [abs(x) for x in self.levels if isinstance(x, bool | int | float)]
        return max(numbers, default=0.0) or 1.0

    def _number_features(self, value: Level) -> tuple[float, ...]:
        """Share of the greatest level, logarithm, trailing zero bits, whether a power of two."""
        told = len(self._of_number)
        if self.parts:
            return self._part_features(value)
        if not isinstance(value, bool | int | float) or not isfinite(value):
            return (0.0,) * told
        bits = zero_bits(value)
        whole = value >= 1 and bits == log2(value)
        return (value / self._scale, signed_log2(value), float(bits), float(whole))[:told]

    def _part_features(self, value: Level) -> tuple[float, ...]:
        """Logarithm and trailing zero bits of each number of a tuple, 0 for another tuple."""
        parts = value if isinstance(value, tuple) else ()
        numbers = [part for part in parts if isinstance(part, int | float) and isfinite(part)]
        if not len(numbers) == len(parts) == self.parts:
            return (0.0,) * (2 * self.parts)
        told = [(signed_log2(part), float(zero_bits(part))) for part in numbers]
        return tuple(feature for pair in told for feature in pair)


class LevelIndex:
    """Where each of some levels is.

    Args:
        levels: In their order.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        self._by_text = {level_text(level): k for k, level in enumerate(levels)}
        # Of equal ones the first.
        self._equal = {level: len(levels) - k for k, level in enumerate(reversed(levels), start=1)}

    def __getitem__(self, level: Level) -> int:
        """The place of a level, or else of one that equals it, as 1 equals 1.0.

        Raises:
            KeyError: There is neither.
        """
        place = self._by_text.get(level_text(level))
        return self._equal[level] if place is None else place


def _is_number(level: Level) -> bool:
    return isinstance(level, bool | int | float)


def level_text(level: Level) -> str:
    """What tells a level from all others."""
    return json.dumps(level)


def signed_log2(value: float) -> float:
    """log2 of a positive number; the others lie below all counts, in their order."""
    if value > 0:
        return log2(value)
    return -1.0 - log2(1.0 - value)


def zero_bits(value: float) -> int:
    """log2 of the greatest power of two that divides a number; 0 for what is no whole number."""
    if value != int(value):
        return 0
    whole = abs(int(value))
    return (whole & -whole).bit_length() - 1 if whole else 0


def as_column(values: Sequence[Any], *, exact: bool = False) -> NDArray[Any]:
    """Values as an array: as objects, or, unless they are wanted `exact`, numbers as float64.

    No product of float64 overflows.
    """
    if not exact and all(isinstance(value, bool | int | float) for value in values):
        return np.array(values, dtype=np.float64)
    column: NDArray[Any] = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def as_level(value: Any) -> Level:
    """A value of a knob as JSON holds it; a list becomes a tuple.

    Raises:
        TypeError: It is nothing that a knob can take.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and all(isinstance(part, int | float | str) for part in value):
        return tuple(value)
    raise TypeError(f"a knob cannot take {value!r}")


def told_level(value: Any) -> Level:
    """Any value that JSON can hold as a level: what no knob of ours can take becomes its text."""
    try:
        return as_level(value)
    except TypeError:
        return json.dumps(value, sort_keys=True)
