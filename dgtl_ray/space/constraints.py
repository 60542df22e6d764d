"""Which configurations of a sketch are worth building.

A constraint is a predicate over whole batches: it looks at a `Tiling` and returns a mask (n,).
"""

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space import cpu_rules, cuda_rules
from dgtl_ray.space.knobs import KnobKind
from dgtl_ray.space.limits import Limits
from dgtl_ray.space.rules import Mask, Rule
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.tiling import Tiling

# Joint choices of tiles tried, at most, to find those that sampling may start from.
MOST_TILINGS = 1 << 22
# Of these so many at a time, to keep them in the caches.
AT_A_TIME = 1 << 16

_RULES: dict[str, tuple[Rule, ...]] = {"cpu": cpu_rules.RULES, "cuda": cuda_rules.RULES}


class Constraints:
    """All constraints on one sketch, from the cheapest and most selective on.

    Each rule is asked only about what the ones before it let through.
    """

    def __init__(self, kind: str, sketch: Sketch, limits: Limits) -> None:
        self.sketch = sketch
        self.limits = limits
        self._rules = tuple(rule for rule in _RULES[kind] if sketch.tiled or not rule.needs_tiles)

    def hold(self, choices: IntArray) -> Mask:
        """(n,) which choices (n × knobs) satisfy every constraint."""
        return self._check(choices, self._rules)

    @cached_property
    def least(self) -> IntArray:
        """(knobs,): the choices with which every ceiling is as far away as it can be.

        All tiles lie in their outermost level, which is where they count least.
        """
        knobs = self.sketch.knobs
        tiled = [len(k) - 1 if k.kind is KnobKind.TILE else 0 for k in knobs]
        return np.array(tiled, dtype=np.int32)

    @cached_property
    def usable(self) -> tuple[IntArray, ...]:
        """For each knob the choices that some configuration may hold."""
        every = (np.arange(len(knob), dtype=np.int32)[:, None] for knob in self.sketch.knobs)
        return tuple(self._alive((i,), column)[:, 0] for i, column in enumerate(every))

    @cached_property
    def usable_tilings(self) -> tuple[tuple[int, ...], IntArray]:
        """Knobs, and all joint choices of them (rows × knobs) that some configuration may hold.

        As many tiles as stay within `MOST_TILINGS`, spatial axes first: these decide together
        whether most constraints are kept, and few of their combinations do.
        """
        knobs: tuple[int, ...] = ()
        table = np.zeros((1, 0), dtype=np.int32)
        for knob in self._tiles() if any(rule.ceiling for rule in self._rules) else ():
            choices = self.usable[knob]
            if len(table) * len(choices) > MOST_TILINGS:
                break
            knobs = (*knobs, knob)
            table = np.concatenate(
                [
                    self._alive(knobs, _all_pairs(part, choices))
                    for part in np.array_split(table, 1 + len(table) * len(choices) // AT_A_TIME)
                ]
            )
        return knobs, table

    def _tiles(self) -> tuple[int, ...]:
        """The knobs that tile an axis of the nest: spatial ones before the others."""
        axes = zip(self.sketch.nest.axes, self.sketch.tiles, strict=True)
        return tuple(tile for _, tile in sorted((axis.reduction, tile) for axis, tile in axes))

    def _alive(self, knobs: tuple[int, ...], table: IntArray) -> IntArray:
        """The rows of `table` (rows × the given knobs) that some configuration may hold.

        They do not break a ceiling by themselves, nor, where they hold all spatial tiles, another
        constraint on these.
        """
        nest = self.sketch.nest
        spatial = {t for a, t in zip(nest.axes, self.sketch.tiles, strict=True) if not a.reduction}
        whole = spatial <= set(knobs)
        rules = [rule for rule in self._rules if rule.ceiling or (rule.spatial and whole)]
        rows = np.tile(self.least, (len(table), 1))
        rows[:, knobs] = table
        alive: IntArray = table[self._check(rows, rules)]
        return alive

    def _check(self, choices: IntArray, rules: Iterable[Rule]) -> Mask:
        alive = np.arange(len(choices))
        for rule in rules:
            alive = alive[rule.holds(Tiling(self.sketch, choices[alive]), self.limits)]
        mask = np.zeros(len(choices), dtype=np.bool_)
        mask[alive] = True
        return mask


def _all_pairs(table: IntArray, choices: IntArray) -> IntArray:
    """Every row of `table` with every choice behind it."""
    column = np.tile(choices, len(table))[:, None]
    return np.hstack([np.repeat(table, len(choices), axis=0), column])
