"""A design space of one sketch: named knobs, of which some combinations are allowed."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.descriptors import NO_DEVICE, device_columns, vendor_columns
from dgtl_ray.space.table_knob import Level, TableKnob, as_level

# How often a neighbour or child outside the table is drawn anew.
ATTEMPTS = 8
# Share of the mutations that step to an adjacent level; the others take any of the knob's.
SMALL_STEPS = 0.5
# Where no row differs in one knob alone, the nearest of so many random rows is the neighbour.
CANDIDATES = 64


class KnobSpace(ABC):
    """Combinations of named knobs, each a number or one of some names.

    A pool is an int32 array (n × (1 + knobs)): column 0 is always 0, for there is one sketch, then
    comes the index of each knob's level.

    Args:
        knobs: The choices, in the order of the columns.
    """

    def __init__(self, knobs: Sequence[TableKnob]) -> None:
        self.knobs = tuple(knobs)
        self._levels = np.array([len(knob.levels) for knob in self.knobs], dtype=np.int32)

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of configurations."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """At most `n` distinct configurations, in random order; fewer where no more are found."""

    @abstractmethod
    def feasible(self, pool: IntArray) -> NDArray[np.bool_]:
        """(n,) which rows are configurations of this space."""

    @abstractmethod
    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        """(n × width): random configurations, the same one perhaps more than once; or none."""

    @cached_property
    def key(self) -> str:
        """Hash of everything that gives rows their meaning."""
        meaning = [[knob.name, list(knob.levels)] for knob in self.knobs]
        return hashlib.sha256(json.dumps(["table", meaning]).encode()).hexdigest()[:16]

    @property
    def knob_sizes(self) -> IntArray:
        """Number of levels (1 × knobs) of each knob."""
        return self._levels[None]

    @property
    def width(self) -> int:
        """Columns of a pool."""
        return 1 + len(self.knobs)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the encoding's columns: the same for the same knobs on any device."""
        told = [column for knob in self.knobs for column in knob.columns]
        return (*told, *_device_features(NO_DEVICE))

    @property
    def knob_names(self) -> tuple[tuple[str, ...], ...]:
        """Names of the knobs of its one sketch."""
        return (tuple(knob.name for knob in self.knobs),)

    def mutate(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """One neighbour of each row: another level of one knob, an adjacent one preferred.

        Where the space is too sparse for that, the nearest of some random rows.
        """
        result, waiting = pool.copy(), np.arange(len(pool))
        for _ in range(ATTEMPTS if (self._levels > 1).any() else 0):
            tried = self._step(pool[waiting], rng)
            found = self.feasible(tried)
            result[waiting[found]] = tried[found]
            waiting = waiting[~found]
            if not len(waiting):
                return result
        result[waiting] = self._nearest(pool[waiting], rng)
        return result

    def crossover(self, a: IntArray, b: IntArray, rng: np.random.Generator) -> IntArray:
        """A child of each pair of rows, feasible; `a` where no try was."""
        result, waiting = a.copy(), np.arange(len(a))
        for _ in range(ATTEMPTS):
            if not len(waiting):
                break
            tried = np.where(rng.random((len(waiting), self.width)) < 0.5, a[waiting], b[waiting])
            found = self.feasible(tried)
            result[waiting[found]] = tried[found]
            waiting = waiting[~found]
        return result

    def encode(self, pool: IntArray, device: DeviceDescriptor) -> NDArray[np.float32]:
        """(n × columns): every configuration's features; all finite."""
        parts = [table[pool[:, 1 + k]] for k, table in enumerate(self._features)]
        return np.concatenate([*parts, _repeated(device, len(pool))], axis=1)

    def encode_related(
        self, other: "KnobSpace", pool: IntArray, device: DeviceDescriptor
    ) -> NDArray[np.float32]:
        """(n × columns): rows of another space in these columns, its knobs matched by name.

        A knob that the other space does not have is told as 0 throughout.

        Raises:
            InputError: It cannot be told in these columns.
        """
        return self.encode_values(other.values_of(pool), len(pool), device)

    def encode_values(
        self, values: Mapping[str, Sequence[Level]], n: int, device: DeviceDescriptor
    ) -> NDArray[np.float32]:
        """(n × columns): any values (n of each knob) in these columns, 0 for a missing knob."""
        parts = [
            knob.features(values[knob.name])
            if knob.name in values
            else np.zeros((n, len(knob.columns)), dtype=np.float32)
            for knob in self.knobs
        ]
        return np.concatenate([*parts, _repeated(device, n)], axis=1)

    def values_of(self, pool: IntArray) -> dict[str, list[Level]]:
        """The levels that rows (n × width) hold, knob by knob."""
        return {
            knob.name: [knob.levels[index] for index in pool[:, 1 + k]]
            for k, knob in enumerate(self.knobs)
        }

    def config_of(self, row: IntArray) -> str:
        """One row (width,) as JSON that people read."""
        return json.dumps({name: level[0] for name, level in self.values_of(row[None]).items()})

    def row_of(self, config: str) -> IntArray:
        """The row (width,) of a configuration that `config_of` wrote.

        Raises:
            InputError: It is no configuration of this space.
        """
        try:
            values = json.loads(config)
            picked = [knob.index[as_level(values[knob.name])] for knob in self.knobs]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"configuration {config!r} is none of this space, whose knobs are"
                f" {', '.join(self.knob_names[0])}: {error!r}"
            ) from error
        row = np.array([0, *picked], dtype=np.int32)
        if not self.feasible(row[None])[0]:
            raise InputError(f"configuration {config!r} is not allowed in this space")
        return row

    def holds(self, key: str, config: str) -> bool:
        """Whether a configuration means here what it meant in the space of a key.

        It names its knobs, so it does wherever they are these.
        """
        del key
        try:
            self.row_of(config)
        except InputError:
            return False
        return True

    def schedule_of(self, row: IntArray) -> str:
        """What one row's trial is given: the configuration itself."""
        return self.config_of(row)

    @cached_property
    def _features(self) -> list[NDArray[np.float32]]:
        """For each knob (levels × its columns)."""
        return [knob.features(knob.levels) for knob in self.knobs]

    def _step(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """Change one knob of each row: to an adjacent level, or to any other."""
        free = np.flatnonzero(self._levels > 1)
        rows, knob = np.arange(len(pool)), rng.choice(free, size=len(pool))
        count, present = self._levels[knob], pool[rows, 1 + knob]
        small = rng.random(len(pool)) < SMALL_STEPS
        side = rng.choice(np.array([-1, 1]), size=len(pool))
        inward = np.where(present == 0, 1, np.where(present == count - 1, -1, side))
        shift = np.where(small, inward, rng.integers(1, count))
        stepped = pool.copy()
        stepped[rows, 1 + knob] = (present + shift) % count
        return stepped

    def _nearest(self, pool: IntArray, rng: np.random.Generator) -> IntArray:
        """For each row the one of some random others with most knobs, then levels, in common.

        The row itself where nothing else was found.
        """
        drawn = self._draw(len(pool) * CANDIDATES, rng)
        if not len(drawn):
            return pool
        others = drawn.reshape(len(pool), CANDIDATES, self.width)
        away = np.abs(others - pool[:, None, :])[:, :, 1:]
        distance = (away > 0).sum(axis=2) + (away / self._levels).mean(axis=2)
        distance[distance == 0] = np.inf
        nearest = others[np.arange(len(pool)), distance.argmin(axis=1)]
        return np.where(np.isfinite(distance.min(axis=1))[:, None], nearest, pool)


def _device_features(device: DeviceDescriptor) -> dict[str, float]:
    return device_columns(device) | vendor_columns(device)


def _repeated(device: DeviceDescriptor, n: int) -> NDArray[np.float32]:
    """(n × device columns)."""
    return np.tile(np.array(list(_device_features(device).values()), dtype=np.float32), (n, 1))
