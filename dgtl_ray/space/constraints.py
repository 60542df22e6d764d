"""Which configurations of a sketch are worth building.

A constraint is a predicate over whole batches: it looks at a `Tiling` and returns a mask (n,).
"""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space import cpu_rules, cuda_rules
from dgtl_ray.space.knobs import KnobKind
from dgtl_ray.space.limits import Limits
from dgtl_ray.space.rules import Mask, Rule
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.tiling import Tiling

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

    def hold_in_space(self, choices: IntArray) -> Mask:
        """(n,) which satisfy those constraints that look at nothing but `spatial_knobs`."""
        return self._check(choices, (rule for rule in self._rules if rule.spatial))

    @cached_property
    def spatial_knobs(self) -> NDArray[np.intp]:
        """Knobs that tile a spatial axis; empty where no constraint looks at them alone."""
        if not any(rule.spatial for rule in self._rules):
            return np.array([], dtype=np.intp)
        axes = zip(self.sketch.nest.axes, self.sketch.tiles, strict=True)
        tiles = [tile for axis, tile in axes if tile >= 0 and not axis.reduction]
        return np.array(sorted(tiles), dtype=np.intp)

    @cached_property
    def usable(self) -> tuple[IntArray, ...]:
        """For each knob the choices that some configuration may hold.

        The others break a ceiling even where all other tiles lie in their outermost level, which
        is where they count least.
        """
        knobs = self.sketch.knobs
        ceilings = [rule for rule in self._rules if rule.ceiling]
        least = [len(k) - 1 if k.kind is KnobKind.TILE else 0 for k in knobs]
        usable = []
        for index, knob in enumerate(knobs):
            rows = np.tile(np.array(least, dtype=np.int32), (len(knob), 1))
            rows[:, index] = np.arange(len(knob))
            usable.append(np.flatnonzero(self._check(rows, ceilings)).astype(np.int32))
        return tuple(usable)

    def _check(self, choices: IntArray, rules: Iterable[Rule]) -> Mask:
        alive = np.arange(len(choices))
        for rule in rules:
            alive = alive[rule.holds(Tiling(self.sketch, choices[alive]), self.limits)]
        mask = np.zeros(len(choices), dtype=np.bool_)
        mask[alive] = True
        return mask
