"""Feasible neighbours and children of configurations, one sketch at a time."""

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.constraints import Constraints
from dgtl_ray.space.sketch import Sketch

# How often an infeasible neighbour or child is drawn anew before its parent stands in for it.
ATTEMPTS = 16
# Share of the mutations that take one small step of a knob; the others take any of its values.
SMALL_STEPS = 0.5


def mutate_choices(
    constraints: Constraints, choices: IntArray, rng: np.random.Generator
) -> IntArray:
    """(n × knobs): each row with one knob changed; unchanged where no try was feasible."""
    sketch = constraints.sketch
    free = np.flatnonzero(sketch.choices > 1)
    result = choices.copy()
    waiting = np.arange(len(choices)) if len(free) else np.arange(0)
    for _ in range(ATTEMPTS):
        if not len(waiting):
            break
        tried = _step(sketch, choices[waiting], free, rng)
        fine = constraints.hold(tried)
        result[waiting[fine]] = tried[fine]
        waiting = waiting[~fine]
    return result


def cross_choices(
    constraints: Constraints, a: IntArray, b: IntArray, rng: np.random.Generator
) -> IntArray:
    """(n × knobs): each knob from one parent or the other; `a` where no try was feasible."""
    result = a.copy()
    waiting = np.arange(len(a))
    for _ in range(ATTEMPTS):
        if not len(waiting):
            break
        from_a = rng.random((len(waiting), a.shape[1])) < 0.5
        tried = np.where(from_a, a[waiting], b[waiting])
        fine = constraints.hold(tried)
        result[waiting[fine]] = tried[fine]
        waiting = waiting[~fine]
    return result


def _step(
    sketch: Sketch, choices: IntArray, free: NDArray[np.intp], rng: np.random.Generator
) -> IntArray:
    """Change one knob of each row: to a neighbouring value, or to any other."""
    stepped = choices.copy()
    knob_of = rng.choice(free, size=len(choices))
    small = rng.random(len(choices)) < SMALL_STEPS
    for index in free:
        near = np.flatnonzero((knob_of == index) & small)
        far = np.flatnonzero((knob_of == index) & ~small)
        table = sketch.knobs[index].neighbours
        picked = rng.integers(0, table.shape[1], size=len(near))
        stepped[near, index] = table[choices[near, index], picked]
        # Any value but the present one: a shift round the table that is never a whole turn.
        shift = rng.integers(1, sketch.choices[index], size=len(far))
        stepped[far, index] = (choices[far, index] + shift) % sketch.choices[index]
    return stepped
