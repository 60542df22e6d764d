"""Every combination of parameters that its restrictions allow, listed or drawn."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.knob_space import KnobSpace
from dgtl_ray.space.parameters.restrictions import Restriction
from dgtl_ray.space.sampling import distinct
from dgtl_ray.space.table_knob import TableKnob

# Rows that are drawn before a space counts as so sparse that it is drawn knob by knob.
_BATCH = 4096


class ProductSpace(KnobSpace):
    """A product of knobs that is too large to be listed.

    Args:
        knobs: The choices, in the order of the columns.
        restrictions: What holds of every configuration.

    Raises:
        InputError: No configuration was found that they allow.
    """

    def __init__(self, knobs: Sequence[TableKnob], restrictions: Sequence[Restriction]) -> None:
        super().__init__(knobs)
        self._restrictions = tuple(restrictions)
        if not len(self.sample(1, np.random.default_rng(0))):
            raise InputError("no configuration was found that the restrictions allow: loosen them")

    @property
    def size(self) -> int:
        """Number of combinations before restrictions."""
        return prod(len(knob.levels) for knob in self.knobs)

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """At most `n` distinct configurations, in random order."""
        rows = self._draw(2 * n + _BATCH, rng)
        return distinct(rows)[:n]

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """(n,) which rows satisfy every restriction."""
        inside = ((pool[:, 1:] >= 0) & (pool[:, 1:] < self._levels)).all(axis=1)
        mask = np.zeros(len(pool), dtype=np.bool_)
        mask[inside] = allowed(self.knobs, self._restrictions, pool[inside, 1:])
        return mask

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        """(up to n × width): uniform draws, or, where few of those are allowed, knob by knob."""
        rows = rng.integers(0, self._levels, size=(n, len(self.knobs))).astype(np.int32)
        rows = rows[allowed(self.knobs, self._restrictions, rows)]
        if 8 * len(rows) < n:
            rows = combine(self.knobs, self._restrictions, most=max(n, _BATCH), rng=rng)
        if len(rows):
            rows = rows[rng.integers(0, len(rows), size=n)]
        return np.concatenate([np.zeros((len(rows), 1), dtype=np.int32), rows], axis=1)


def combine(
    knobs: Sequence[TableKnob],
    restrictions: Sequence[Restriction],
    *,
    most: int,
    rng: np.random.Generator,
) -> IntArray:
    """(n × knobs): combinations that the restrictions allow, all of them where they are `most`.

    Knob after knob joins, and each restriction leaves out what it forbids as soon as its
    parameters are there; of more than `most` beginnings a random part goes on.
    """
    rows: IntArray = np.zeros((1, 0), dtype=np.int32)
    for count, knob in enumerate(knobs, start=1):
        levels = np.arange(len(knob.levels), dtype=np.int32)
        if len(rows) * len(levels) > 4 * most:
            rows = rows[rng.permutation(len(rows))[: max(4 * most // len(levels), 1)]]
        grown = np.repeat(rows, len(levels), axis=0)
        rows = np.concatenate([grown, np.tile(levels, len(rows))[:, None]], axis=1)
        there = {one.name for one in knobs[:count]}
        due = [r for r in restrictions if r.names <= there and knob.name in r.names]
        rows = rows[allowed(knobs[:count], due, rows)]
        if len(rows) > most:
            rows = rows[np.sort(rng.permutation(len(rows))[:most])]
    return rows


def allowed(
    knobs: Sequence[TableKnob], restrictions: Sequence[Restriction], rows: IntArray
) -> NDArray[np.bool_]:
    """(n,) which rows (n × knobs) every restriction holds of."""
    mask = np.ones(len(rows), dtype=np.bool_)
    wanted = {name for restriction in restrictions for name in restriction.names}
    columns = {
        knob.name: _values(knob)[rows[:, k]] for k, knob in enumerate(knobs) if knob.name in wanted
    }
    for restriction in restrictions:
        mask &= np.broadcast_to(restriction.holds(columns), mask.shape)
    return mask


def _values(knob: TableKnob) -> NDArray[np.generic]:
    """Its levels as an array: numbers as float64, anything else as objects."""
    if knob.numerical:
        return np.array(knob.levels, dtype=np.float64)
    values = np.empty(len(knob.levels), dtype=object)
    values[:] = knob.levels
    return values
