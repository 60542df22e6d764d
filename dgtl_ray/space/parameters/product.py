"""Every combination of parameters that its restrictions allow, listed or drawn."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import prod

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.knob_space import CANDIDATES, KnobSpace
from dgtl_ray.space.parameters.restrictions import Restriction
from dgtl_ray.space.sampling import distinct
from dgtl_ray.space.table_knob import TableKnob

# Rows that are drawn before a space counts as so sparse that it is drawn knob by knob.
_BATCH = 4096
# Where a smaller share of the rows drawn is allowed, drawing on until there are enough takes long.
_LEAST_SHARE = 1 / 32
# A drawing knob by knob that finds nothing is repeated with so many times the beginnings.
_EFFORTS = (1, 8)
# Drawings knob by knob that are added up where one gives too few.
_ROUNDS = 16
# Parts of a knob's levels that beginnings are tried with, where few of what they give is allowed.
_PARTS = 64


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
        """At most `n` distinct configurations, in random order; fewer where no more are found.

        That may be so although there are more: of a sparse space, drawing finds but a part.
        """
        rows = distinct(self._found(n, 2 * n + _BATCH, rng))
        for _ in range(_ROUNDS):
            known = len(rows)
            if not 0 < known < n:
                break
            more = _as_pool(self._combined(n - known, _EFFORTS[:1], rng))
            rows = distinct(np.concatenate([rows, more]))
            if len(rows) == known:
                break
        chosen: IntArray = rows[rng.permutation(len(rows))[:n]]
        return chosen

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """(n,) which rows satisfy every restriction."""
        inside = ((pool[:, 1:] >= 0) & (pool[:, 1:] < self._levels)).all(axis=1)
        mask = np.zeros(len(pool), dtype=np.bool_)
        mask[inside] = allowed(self.knobs, self._restrictions, pool[inside, 1:])
        return mask

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        """(n × width): random configurations, the same one perhaps often; none where none is found.

        An eighth of `n` different ones will do.
        """
        rows = self._found(max(n // 8, CANDIDATES), max(n, _BATCH), rng)
        drawn: IntArray = rows[rng.integers(0, len(rows), size=n)] if len(rows) else rows
        return drawn

    def _found(self, wanted: int, tries: int, rng: np.random.Generator) -> IntArray:
        """(found × width): uniform draws, and, where they give too few, what is put together.

        Args:
            wanted: How many will do.
            tries: Uniform draws that are made, at least.
            rng: Of the draws.
        """
        rows = self._uniform(tries, rng)
        if len(rows) >= _LEAST_SHARE * tries:
            while len(rows) < wanted:
                rows = np.concatenate([rows, self._uniform(tries, rng)])
        if len(rows) < wanted:
            efforts = _EFFORTS[:1] if len(rows) else _EFFORTS
            rows = np.concatenate([rows, self._combined(wanted, efforts, rng)])
        return _as_pool(rows)

    def _uniform(self, tries: int, rng: np.random.Generator) -> IntArray:
        """(found × knobs): those of some uniform draws that are allowed."""
        rows = rng.integers(0, self._levels, size=(tries, len(self.knobs))).astype(np.int32)
        kept: IntArray = rows[allowed(self.knobs, self._restrictions, rows)]
        return kept

    def _combined(self, wanted: int, efforts: Sequence[int], rng: np.random.Generator) -> IntArray:
        """(found × knobs): drawn knob by knob, with effort after effort until there is any."""
        for effort in efforts:
            most = max(wanted, effort * _BATCH)
            rows = combine(self.knobs, self._restrictions, enough=wanted, most=most, rng=rng)
            if len(rows):
                break
        return rows


def listed(
    knobs: Sequence[TableKnob], restrictions: Sequence[Restriction], *, most: int
) -> IntArray | None:
    """(n × knobs): every combination that the restrictions allow, in order.

    None where more than `most` beginnings of combinations would have to be gone on with: what
    later restrictions leave of them is then not known.
    """
    rows: IntArray = np.zeros((1, 0), dtype=np.int32)
    for knob in knobs:
        if len(rows) * len(knob.levels) > 4 * most:
            return None
        levels = np.tile(np.arange(len(knob.levels), dtype=np.int32), (len(rows), 1))
        rows = _extended(rows, levels, knobs, restrictions)
        if len(rows) > most:
            return None
    return rows


def _as_pool(rows: IntArray) -> IntArray:
    """Rows (n × knobs) with the column of their one sketch."""
    return np.concatenate([np.zeros((len(rows), 1), dtype=np.int32), rows], axis=1)


def combine(
    knobs: Sequence[TableKnob],
    restrictions: Sequence[Restriction],
    *,
    enough: int,
    most: int,
    rng: np.random.Generator,
) -> IntArray:
    """(n × knobs): random combinations that the restrictions allow, at most `most`.

    Knob after knob joins, and each restriction leaves out what it forbids as soon as its
    parameters are there; of more than `most` beginnings a random part goes on. Each beginning is
    tried with some of a knob's levels, then with others, until enough go on. So there may be none,
    although some are allowed.

    Args:
        knobs: The choices.
        restrictions: Between them.
        enough: Beginnings that have to go on before no more of them are tried.
        most: Beginnings that go on.
        rng: Chooses them.
    """
    rows: IntArray = np.zeros((1, 0), dtype=np.int32)
    for knob in knobs:
        parts: list[IntArray] = []
        for levels in _level_parts(len(rows), len(knob.levels), 4 * most, rng):
            parts.append(_extended(rows, levels, knobs, restrictions))
            if sum(map(len, parts)) >= enough:
                break
        grown = np.concatenate(parts)
        rows = grown[rng.permutation(len(grown))[:most]]
    return rows


def _level_parts(
    beginnings: int, levels: int, pairs: int, rng: np.random.Generator
) -> Iterator[IntArray]:
    """(beginnings × some) random levels for each beginning, part after part, no level twice.

    Args:
        beginnings: How many there are.
        levels: Of the knob that joins.
        pairs: Of a beginning and a level in a part, about.
        rng: Chooses them.
    """
    each = min(max(pairs // max(beginnings, 1), 1), levels)
    order = rng.permutation(levels).astype(np.int32)
    first = rng.integers(0, levels, size=(beginnings, 1))
    for start in range(0, min(levels, _PARTS * each), each):
        yield order[(first + np.arange(start, min(start + each, levels))) % levels]


def _extended(
    rows: IntArray,
    levels: IntArray,
    knobs: Sequence[TableKnob],
    restrictions: Sequence[Restriction],
) -> IntArray:
    """Beginnings (n × k) with each of their levels (n × some) of the next knob that are allowed.

    A restriction that cannot be judged of a beginning waits for the last knob: one given before it,
    whose parameters are not all there yet, may leave out what it cannot judge.
    """
    repeated = np.repeat(rows, levels.shape[1], axis=0)
    longer: IntArray = np.concatenate([repeated, levels.reshape(-1, 1)], axis=1)
    there = knobs[: longer.shape[1]]
    if len(there) == len(knobs):
        kept: IntArray = longer[allowed(knobs, restrictions, longer)]
        return kept
    names, last = {knob.name for knob in there}, there[-1].name
    # A condition between constants alone is due at once.
    due = [r for r in restrictions if r.names <= names and (last in r.names or not r.names)]
    for restriction in due:
        with suppress(InputError):
            longer = longer[allowed(there, [restriction], longer)]
    return longer


def allowed(
    knobs: Sequence[TableKnob], restrictions: Sequence[Restriction], rows: IntArray
) -> NDArray[np.bool_]:
    """(n,) which rows (n × knobs) every restriction holds of.

    Each is asked about rows that those before it allow: one may so keep zeros from a division.

    Raises:
        InputError: One cannot be judged.
    """
    left = np.arange(len(rows))
    for restriction in restrictions:
        columns = {
            knob.name: (knob.given if restriction.exact else knob.calculated)[rows[left, k]]
            for k, knob in enumerate(knobs)
            if knob.name in restriction.names
        }
        left = left[restriction.holds(columns, len(left))]
    mask = np.zeros(len(rows), dtype=np.bool_)
    mask[left] = True
    return mask
