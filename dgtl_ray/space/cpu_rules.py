"""The constraints of CPUs: no two names for one program, no body that outgrows the code cache."""

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
    spatial = [i for i, axis in enumerate(tiling.nest.axes) if not axis.reduction]
    for level in range(len(tiling.nest.levels) - 1, 0, -1):
        for axis in reversed(range(len(tiling.nest.axes))):
            if level not in tiling.nest.levels_of(tiling.nest.axes[axis]):
                continue
            extent = tiling.extent(axis, level)
            if axis == spatial[-1] and level == len(tiling.nest.levels) - 1:
                width = extent
            elif limit is not None:
                growing &= statements * extent <= limit
                statements = np.where(growing, statements * extent, statements)
    return statements * width


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


RULES = (
    Rule(holds=_locations_exist, needs_tiles=False),
    Rule(holds=_body_fits),
)
