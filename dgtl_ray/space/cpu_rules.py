"""The constraints of CPUs: one name for a program, bodies that fit, vectors that are filled."""

import numpy as np

from dgtl_ray.space.knobs import NO_SITE
from dgtl_ray.space.limits import Limits
from dgtl_ray.space.nest import Extents
from dgtl_ray.space.rules import Mask, Rule
from dgtl_ray.space.tiling import Tiling


def unrolled_points(tiling: Tiling) -> Extents:
    """(n,) points of the nest whose code is written out in full: an estimate.

    The innermost spatial axis becomes one vector statement. From there outwards loops are
    unrolled as long as the statements stay within the chosen limit.
    """
    limit = tiling.value("unroll")
    statements = np.ones(tiling.count, dtype=np.int64)
    width = np.ones(tiling.count, dtype=np.int64)
    growing = np.ones(tiling.count, dtype=np.bool_)
    last = _last_spatial(tiling)
    for level in range(len(tiling.nest.levels) - 1, 0, -1):
        for axis in reversed(range(len(tiling.nest.axes))):
            if level not in tiling.nest.levels_of(tiling.nest.axes[axis]):
                continue
            extent = tiling.extent(axis, level)
            if axis == last and level == len(tiling.nest.levels) - 1:
                width = extent
            elif limit is not None:
                growing &= statements * extent <= limit
                statements = np.where(growing, statements * extent, statements)
    return statements * width


def vector_points(tiling: Tiling) -> Extents:
    """(n,) elements that a kernel writes side by side; 1 where none are.

    They lie side by side along the last spatial axis: its innermost loop of more than one iteration
    becomes vectors if no loops are inside it, or only such that are unrolled in full.
    """
    axes, levels = tiling.nest.axes, tiling.nest.levels
    last = _last_spatial(tiling)
    chosen = tiling.value("unroll")
    limit = np.ones(tiling.count, dtype=np.int64) if chosen is None else np.maximum(chosen, 1)
    width = np.ones(tiling.count, dtype=np.int64)
    inside = np.ones(tiling.count, dtype=np.int64)
    for level in range(len(levels) - 1, 0, -1):
        for axis in reversed(range(len(axes))):
            if level not in tiling.nest.levels_of(axes[axis]):
                continue
            extent = tiling.extent(axis, level)
            if axis == last:
                width = np.where((width == 1) & (inside <= limit), extent, width)
            inside = inside * extent
    return width


def _locations_exist(tiling: Tiling, _: Limits) -> Mask:
    """TVM computes nothing at a loop of one iteration, but takes the next loop outside it.

    So such a location is another name for a configuration that is in the space already.
    """
    mask = np.ones(tiling.count, dtype=np.bool_)
    knobs = tiling.sketch.knobs
    sites = {site for index in tiling.locations for site in knobs[index].sites}
    for axis, level in sorted(sites - {NO_SITE}):
        mask &= ~tiling.computes_at(axis, level) | (tiling.extent(axis, level) > 1)
    return mask


def _body_fits(tiling: Tiling, limits: Limits) -> Mask:
    return unrolled_points(tiling) <= limits.unrolled_points


def _fills_vectors(tiling: Tiling, limits: Limits) -> Mask:
    """What is narrow is slow, and takes long to build and to time.

    A split reduction runs its vectors over partial results, and is left alone.
    """
    sketch = tiling.sketch
    last = _last_spatial(tiling)
    widest = int(sketch.level_extents[last][-1].max()) if last >= 0 else 0
    if widest < limits.vector_points or sketch.rfactor >= 0:
        return np.ones(tiling.count, dtype=np.bool_)
    return vector_points(tiling) >= limits.vector_points


def _sums_fit_registers(tiling: Tiling, _: Limits) -> Mask:
    """A row of vectors, one factor, and all sums: what an algorithm's innermost step holds."""
    limits = tiling.sketch.register_limits
    if not limits.registers:
        return np.ones(tiling.count, dtype=np.bool_)
    width = tiling.extent(_last_spatial(tiling), len(tiling.nest.levels) - 1)
    rows = tiling.product(len(tiling.nest.levels) - 1) // width
    vectors = -(-width // limits.lanes)
    return (rows + 1) * vectors + 1 <= limits.registers


def _parts_fill_cores(tiling: Tiling, _: Limits) -> Mask:
    """An algorithm's parallel loop has an iteration for each core, or as many as can be."""
    return tiling.product(0) >= tiling.sketch.register_limits.least_parts


def _last_spatial(tiling: Tiling) -> int:
    """The axis along which results lie side by side, -1 where there is one result."""
    spatial = (i for i, axis in enumerate(tiling.nest.axes) if not axis.reduction)
    return max(spatial, default=-1)


RULES = (
    Rule(holds=_locations_exist, needs_tiles=False),
    Rule(holds=_body_fits),
    Rule(holds=_fills_vectors),
    Rule(holds=_sums_fit_registers),
    Rule(holds=_parts_fill_cores),
)
