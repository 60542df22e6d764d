"""Which configurations are worth building: predicates over whole pools.

Each predicate looks at a `Tiling` and returns a mask (n,). They are ordered from the cheapest and
most selective on, and each is asked only about what the ones before it let through.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.knobs import NO_SITE, KnobKind
from dgtl_ray.space.limits import (
    MAX_REGISTERS_PER_THREAD,
    MAX_VTHREADS,
    Limits,
)
from dgtl_ray.space.nest import Extents
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.tiling import Tiling

Mask = NDArray[np.bool_]
Predicate = Callable[[Tiling, Limits], Mask]

# Levels of CUDA's nest (`LEVELS`).
VTHREAD, THREAD, STAGE, INNER = 1, 2, 3, 5


def feasible_choices(kind: str, sketch: Sketch, choices: IntArray, limits: Limits) -> Mask:
    """(n,) which choices (n × knobs) of one sketch satisfy every constraint of the kind."""
    alive = np.arange(len(choices))
    for predicate in _predicates(kind, sketch):
        alive = alive[predicate(Tiling(sketch, choices[alive]), limits)]
    mask = np.zeros(len(choices), dtype=np.bool_)
    mask[alive] = True
    return mask


def _predicates(kind: str, sketch: Sketch) -> tuple[Predicate, ...]:
    if kind == "cpu":
        return (_innermost_fits, _locations_exist) if sketch.tiled else (_locations_exist,)
    if not sketch.tiled:
        return ()
    return (_threads_fit, _vthreads_fit, _pipeline_runs, _registers_fit, _shared_memory_fits)


def threads(tiling: Tiling) -> Extents:
    """(n,) threads of a block of a tiled CUDA sketch."""
    return tiling.product(THREAD)


def accumulators(tiling: Tiling) -> Extents:
    """(n,) partial results that one CUDA thread holds, those of its virtual threads included."""
    return tiling.product(VTHREAD) * tiling.product(INNER) * tiling.product(INNER + 2)


def shared_bytes(tiling: Tiling) -> Extents:
    """(n,) shared memory of a block: every operand's tile, once for each stage of a pipeline."""
    return sum(tiling.fetched_bytes, np.zeros(tiling.count, np.int64)) * tiling.sketch.stages


def _threads_fit(tiling: Tiling, limits: Limits) -> Mask:
    low, high = tiling.sketch.thread_range
    used = threads(tiling)
    return (used >= low) & (used <= min(high or used.max(initial=0), limits.threads_per_block))


def _vthreads_fit(tiling: Tiling, _: Limits) -> Mask:
    return tiling.product(VTHREAD) <= MAX_VTHREADS


def _pipeline_runs(tiling: Tiling, _: Limits) -> Mask:
    """TVM can overlap only iterations of a loop that has more than one."""
    if tiling.sketch.stages == 1:
        return np.ones(tiling.count, dtype=np.bool_)
    return tiling.product(STAGE) > 1


def _registers_fit(tiling: Tiling, limits: Limits) -> Mask:
    held = accumulators(tiling)
    per_block = held * threads(tiling)
    return (held <= MAX_REGISTERS_PER_THREAD) & (per_block <= limits.registers_per_block)


def _shared_memory_fits(tiling: Tiling, limits: Limits) -> Mask:
    return shared_bytes(tiling) <= limits.shared_bytes_per_block


def _innermost_fits(tiling: Tiling, limits: Limits) -> Mask:
    return tiling.product(len(tiling.nest.levels) - 1) <= limits.unrolled_accumulators


def _locations_exist(tiling: Tiling, _: Limits) -> Mask:
    """TVM computes nothing at a loop of one iteration, but takes the next loop outside it.

    So such a location is another name for a configuration that is in the space already.
    """
    mask = np.ones(tiling.count, dtype=np.bool_)
    for index, knob in enumerate(tiling.sketch.knobs):
        if knob.kind is not KnobKind.LOCATION:
            continue
        for choice, site in enumerate(knob.sites):
            if site != NO_SITE:
                chosen = tiling.choice(index) == choice
                mask &= ~chosen | (tiling.extent(*site) > 1)
    return mask
