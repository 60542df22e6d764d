"""A task's design space: all its configurations, as integer arrays."""

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.configuration import (
    names_algorithm,
    read_configuration,
    write_configuration,
)
from dgtl_ray.space.constraints import Constraints
from dgtl_ray.space.encoding.encoder import column_names, encode_choices
from dgtl_ray.space.limits import Limits
from dgtl_ray.space.neighbours import cross_choices, mutate_choices
from dgtl_ray.space.sampling import draw
from dgtl_ray.space.sketch import Sketch

# Share of the mutations that change the sketch and keep the knobs, where another sketch has them.
SKETCH_STEPS = 0.1


class DesignSpace:
    """A union of sketches, each a product of knobs.

    A pool of configurations is an int32 array (n × (1 + most knobs of a sketch)). Column 0 is the
    sketch; then comes one column a knob, which holds the index of the chosen value in the knob's
    table. Columns that a shorter sketch has no knob for hold 0.

    A task without knobs has a space of size 1. A task for which no sketch works has an empty one
    (size 0, no sketches): nothing can be sampled, and only its default schedule is left.

    It needs numpy alone, and is cheap to pickle.

    Attributes:
        kind: `cpu` or `cuda`.
        sketches: The alternatives.
        limits: Of the target; they decide what is feasible, not what a row means.
        untunable: Why there is nothing to search in an empty space, "" where that is not known.
    """

    def __init__(
        self, *, kind: str, sketches: tuple[Sketch, ...], limits: Limits, untunable: str = ""
    ) -> None:
        self.kind = kind
        self.sketches = sketches
        self.limits = limits
        self.untunable = untunable
        self._constraints = tuple(Constraints(kind, sketch, limits) for sketch in sketches)

    def __reduce__(self) -> tuple[Callable[[str], "DesignSpace"], tuple[str]]:
        """Pickled as its JSON: what is looked up while sampling stays behind."""
        return DesignSpace.from_json, (self.to_json(),)

    @cached_property
    def key(self) -> str:
        """Hash of everything that gives numbered sketches their meaning: TVM's rearrangements.

        A configuration of an algorithm of our own says itself what it means.
        """
        direct = [sketch for sketch in self.sketches if not sketch.algorithm]
        meaning = [[s.instructions, [k.as_dict() for k in s.knobs]] for s in direct]
        return hashlib.sha256(json.dumps([self.kind, meaning]).encode()).hexdigest()[:16]

    @property
    def size(self) -> int:
        """Number of configurations before constraints; exact."""
        return sum(sketch.size for sketch in self.sketches)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the encoding's columns: the same for every task of a kind."""
        return column_names(self.kind)

    @property
    def knob_names(self) -> tuple[tuple[str, ...], ...]:
        """For each sketch the names of its knobs, in the order of the pool's columns."""
        return tuple(tuple(knob.name for knob in sketch.knobs) for sketch in self.sketches)

    @property
    def knob_sizes(self) -> IntArray:
        """Number of values (sketches × (width - 1)) of each knob; 1 where a sketch has none."""
        sizes = np.ones((len(self.sketches), self.width - 1), dtype=np.int32)
        for index, sketch in enumerate(self.sketches):
            sizes[index, : len(sketch.knobs)] = sketch.choices
        return sizes

    @property
    def width(self) -> int:
        """Columns of a pool."""
        return 1 + max((len(sketch.knobs) for sketch in self.sketches), default=0)

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """At most `n` distinct feasible configurations, in random order.

        Every sketch is equally likely until it is exhausted; within a sketch all feasible
        configurations are. Fewer than `n` come back only where the space is (nearly) exhausted.
        """
        if not self.sketches:
            return np.empty((0, self.width), dtype=np.int32)
        share = -(-n // len(self.sketches))
        while True:
            parts = [self._draw(index, share, rng) for index in range(len(self.sketches))]
            pool = np.concatenate(parts)
            plenty = sum(len(part) == share for part in parts)
            if len(pool) >= n or not plenty:
                return pool[rng.permutation(len(pool))[:n]]
            # What exhausted sketches could not give, the others give.
            share += -(-(n - len(pool)) // plenty)

    def mutate(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """One feasible neighbour of each row: another value of one knob, or another sketch.

        The sketch changes only to one with the same knobs. A row for which no feasible neighbour
        was found comes back as it is.
        """
        result = pool.copy()
        for constraints, rows in self._by_sketch(pool):
            choices = _choices(pool[rows], constraints.sketch)
            _put(result, rows, mutate_choices(constraints, choices, rng))
            self._change_sketch(result, pool, rows, rng)
        return result

    def crossover(self, a: IntArray, b: IntArray, rng: np.random.Generator) -> IntArray:
        """A feasible child of each pair of rows: each knob from one parent or the other.

        Parents of different sketches have no knobs in common, and parents without a feasible
        child are not to be mixed: the child is then the row of `a`.
        """
        result = a.copy()
        same = np.flatnonzero(a[:, 0] == b[:, 0])
        for constraints, rows in self._by_sketch(a[same]):
            pairs = same[rows]
            first, second = (_choices(parent[pairs], constraints.sketch) for parent in (a, b))
            _put(result, pairs, cross_choices(constraints, first, second, rng))
        return result

    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """(n,) which rows satisfy every constraint of the target."""
        mask = np.zeros(len(pool), dtype=np.bool_)
        for constraints, rows in self._by_sketch(pool):
            mask[rows] = constraints.hold(_choices(pool[rows], constraints.sketch))
        return mask

    def encode(self, pool: IntArray, device: DeviceDescriptor) -> NDArray[np.float32]:
        """(n × columns): every configuration's features, from its knob values alone; all finite."""
        out = np.zeros((len(pool), len(self.columns)), dtype=np.float32)
        for constraints, rows in self._by_sketch(pool):
            choices = _choices(pool[rows], constraints.sketch)
            encode_choices(self.kind, constraints, choices, device, out, rows)
        return out

    def config_of(self, row: IntArray) -> str:
        """One row (width,) as JSON that people read."""
        index, sketch = int(row[0]), self.sketches[int(row[0])]
        return write_configuration(index, sketch, row[1 : 1 + len(sketch.knobs)])

    def row_of(self, config: str) -> IntArray:
        """The row (width,) of a configuration that `config_of` wrote.

        Raises:
            InputError: It is no configuration of this space.
        """
        index, choices = read_configuration(config, self.sketches)
        row = np.zeros(self.width, dtype=np.int32)
        row[0] = index
        row[1 : 1 + len(choices)] = choices
        return row

    def holds(self, key: str, config: str) -> bool:
        """Whether a configuration, or the default schedule (""), means here what it meant there.

        Args:
            key: Of the space that it was recorded in.
            config: Its text.
        """
        if config and names_algorithm(config):
            try:
                self.row_of(config)
            except InputError:
                return False
            return True
        return key == self.key

    def schedule_of(self, row: IntArray) -> str:
        """One row's schedule for a build worker: its sketch's trace with the decisions put in."""
        sketch = self.sketches[int(row[0])]
        return sketch.schedule(row[1 : 1 + len(sketch.knobs)])

    def to_json(self) -> str:
        """The whole space as JSON text."""
        return json.dumps(
            {
                "kind": self.kind,
                "limits": self.limits.as_dict(),
                "sketches": [sketch.as_dict() for sketch in self.sketches],
                "untunable": self.untunable,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "DesignSpace":
        """The space that `to_json` wrote.

        Raises:
            InputError: The text is no design space.
        """
        try:
            data = json.loads(text)
            return cls(
                kind=data["kind"],
                sketches=tuple(Sketch.from_dict(item) for item in data["sketches"]),
                limits=Limits(**data["limits"]),
                untunable=data.get("untunable", ""),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"design space: the text cannot be read: {error!r}") from error

    def _draw(self, index: int, share: int, rng: np.random.Generator) -> IntArray:
        """(rows × width): at most `share` configurations of one sketch."""
        sketch = self.sketches[index]
        choices = draw(self._constraints[index], share, rng)
        rows = np.zeros((len(choices), self.width), dtype=np.int32)
        rows[:, 0] = index
        rows[:, 1 : 1 + len(sketch.knobs)] = choices
        return rows

    def _by_sketch(self, pool: IntArray) -> Iterator[tuple[Constraints, NDArray[np.intp]]]:
        """The constraints of each sketch that the pool uses, with the positions of its rows."""
        for index, constraints in enumerate(self._constraints):
            rows = np.flatnonzero(pool[:, 0] == index)
            if len(rows):
                yield constraints, rows

    def _change_sketch(
        self, result: IntArray, pool: IntArray, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> None:
        """Move a few rows, all of one sketch, to another sketch of the same knobs instead."""
        index = int(pool[rows[0], 0])
        others = [
            other
            for other, sketch in enumerate(self.sketches)
            if other != index and sketch.same_knobs(self.sketches[index])
        ]
        chosen = rows[rng.random(len(rows)) < SKETCH_STEPS]
        if not others or not len(chosen):
            return
        moved = pool[chosen]
        moved[:, 0] = rng.choice(others, size=len(chosen))
        fine = self.feasible(moved)
        result[chosen[fine]] = moved[fine]


def _choices(pool: IntArray, sketch: Sketch) -> IntArray:
    """The knob columns of rows that are all of one sketch."""
    return pool[:, 1 : 1 + len(sketch.knobs)]


def _put(pool: IntArray, rows: NDArray[np.intp], choices: IntArray) -> None:
    """Write the knob columns of rows that are all of one sketch."""
    pool[rows, 1 : 1 + choices.shape[1]] = choices
