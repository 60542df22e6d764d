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
        levels = tuple(dict.fromkeys(values))
        numbers = [level for level in levels if isinstance(level, bool | int | float)]
        if len(numbers) == len(levels):
            return cls(name=name, levels=tuple(sorted(numbers)))
        return cls(name=name, levels=levels)

    @property
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
    def index(self) -> dict[Level, int]:
        """Position of each level."""
        return {level: k for k, level in enumerate(self.levels)}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its features."""
        return tuple(f"{self.name} {kind}" for kind in (*self._of_number, *self._one_hot))

    def features(self, values: Sequence[Level]) -> NDArray[np.float32]:
        """Features (n × columns) of values, of these levels or of a related knob's.

        Where most of a knob's levels are no powers of two, alignment and divisibility decide, so
        they are told; and few levels are told one by one, for nothing may be smooth about them.
        A value that this knob cannot take is a stranger to every level, and no number scores 0.
        """
        parts = [
            [*self._number_features(value), *(value == level for level in self._one_hot.values())]
            for value in values
        ]
        return np.array(parts, dtype=np.float32).reshape(len(values), len(self.columns))

    @property
    def _of_number(self) -> tuple[str, ...]:
        """What is told of numbers: two levels differ in one thing only."""
        if self.parts:
            kinds = ("log2", "zero bits")
            return tuple(f"{kind} of part {k}" for k in range(self.parts) for kind in kinds)
        if not self.numerical:
            return ()
        told = ("scaled", "log2", "zero bits", "power of two")
        return told if len(self.levels) > 2 else told[:1]

    @cached_property
    def _one_hot(self) -> dict[str, Level]:
        """Levels with a column of their own, by the column's name."""
        few = 2 < len(self.levels) <= MOST_ONE_HOT
        told = self.levels if few or not (self.numerical or self.parts) else ()
        return {f"is {level}": level for level in told}

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
