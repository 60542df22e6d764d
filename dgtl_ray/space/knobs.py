"""Knobs: the free choices of a sketch, each a table of the values it can take."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.factors import factorisations, prime_factors

# Values of a location that are no loops, and the site of those.
AT_ROOT, INLINED = -1, -2
NO_SITE = (-1, -1)
# Neighbours of a row of a table that holds no more than some tiles.
_NEAREST = 6


class KnobKind(StrEnum):
    """What a knob decides."""

    TILE = "tile"  # how a loop is split: a row of the table is one ordered factorisation
    CATEGORICAL = "categorical"  # one of a few numbers
    LOCATION = "location"  # the loop at which a block is computed, `AT_ROOT`, or `INLINED`


@dataclass(frozen=True, kw_only=True, eq=False)
class Knob:
    """One choice. A configuration holds the index of a row of `table`.

    Attributes:
        name: Unique within the sketch, for people: `tile yy`, `unroll`, `fetch 0`, `pad_temp at`.
        kind: What it decides.
        instruction: Position of the sampling instruction in the sketch's trace.
        shape: Of a tile: (extent, parts, greatest innermost part). Otherwise empty.
        values: Of the other kinds: the values. Of a tile: empty where all factorisations are in
            its table, otherwise the table's rows, one after another.
        sites: Of a location: for each value the (axis, level) of the loop it names, `NO_SITE`
            where that loop is no part of a tile. Otherwise empty.
    """

    name: str
    kind: KnobKind
    instruction: int
    shape: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    sites: tuple[tuple[int, int], ...] = field(default=())

    @cached_property
    def table(self) -> IntArray:
        """(choices × parts); one part unless the knob is a tile."""
        if self.kind is KnobKind.TILE and self.values:
            return np.array(self.values, dtype=np.int32).reshape(-1, self.shape[1])
        if self.kind is KnobKind.TILE:
            extent, parts, max_innermost = self.shape
            return factorisations(extent, parts, max_innermost)
        return np.array(self.values, dtype=np.int32).reshape(-1, 1)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def neighbours(self) -> IntArray:
        """(choices × k): indices one step away from each choice, repeated to fill the row.

        A step of a tile moves one prime factor between two parts, or, where its rows are given,
        goes to one of the nearest; of another knob it is any other value. A knob without another
        value is its own neighbour.
        """
        if self.kind is KnobKind.TILE and self.values:
            return _nearest_rows(self.table)
        if self.kind is KnobKind.TILE:
            return _tile_neighbours(self.table)
        others = [[j for j in range(len(self)) if j != i] or [i] for i in range(len(self))]
        return np.array(others, dtype=np.int32)

    def decision(self, choice: int) -> int | list[int]:
        """The choice as TVM's trace records it."""
        if self.kind is KnobKind.TILE:
            return [int(part) for part in self.table[choice]]
        return choice if self.kind is KnobKind.CATEGORICAL else self.values[choice]

    def value(self, choice: int) -> int | list[int]:
        """The choice as people read it: the parts of a tile, otherwise the number."""
        if self.kind is KnobKind.TILE:
            return [int(part) for part in self.table[choice]]
        return self.values[choice]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "instruction": self.instruction,
            "shape": list(self.shape),
            "values": list(self.values),
            "sites": [list(site) for site in self.sites],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Knob":
        """The knob that `as_dict` wrote."""
        return cls(
            name=data["name"],
            kind=KnobKind(data["kind"]),
            instruction=data["instruction"],
            shape=tuple(data["shape"]),
            values=tuple(data["values"]),
            sites=tuple((axis, level) for axis, level in data["sites"]),
        )


def _nearest_rows(table: IntArray) -> IntArray:
    """(choices × k): the rows whose extents differ by the smallest factors, for every choice."""
    logs = np.log2(table)
    distance = np.abs(logs[:, None] - logs[None]).sum(axis=2)
    np.fill_diagonal(distance, np.inf if len(table) > 1 else 0.0)
    nearest: IntArray = np.argsort(distance, axis=1, kind="stable")[:, :_NEAREST].astype(np.int32)
    return nearest[:, : max(len(table) - 1, 1)]


def _tile_neighbours(table: IntArray) -> IntArray:
    """Where moving one prime factor from one part to another leads, for every choice."""
    choices, parts = table.shape
    index = {tuple(row): i for i, row in enumerate(table.tolist())}
    primes = prime_factors(int(table[0].prod())) if choices else ()
    steps: list[list[int]] = []
    for row in table.tolist():
        moved = [
            index.get(_move(row, source, sink, prime), -1)
            for source in range(parts)
            for sink in range(parts)
            for prime in primes
            if source != sink and row[source] % prime == 0
        ]
        steps.append([step for step in moved if step >= 0])
    width = max((len(step) for step in steps), default=0) or 1
    padded = [(step or [i]) * width for i, step in enumerate(steps)]
    return np.array([row[:width] for row in padded], dtype=np.int32).reshape(choices, width)


def _move(row: list[int], source: int, sink: int, prime: int) -> tuple[int, ...]:
    moved = list(row)
    moved[source] //= prime
    moved[sink] *= prime
    return tuple(moved)
