"""What one constraint is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.space.limits import Limits
from dgtl_ray.space.tiling import Tiling

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One constraint.

    Attributes:
        holds: The predicate.
        spatial: It looks at nothing but the tiles of spatial axes.
        ceiling: It bounds from above what never shrinks as a tile moves inwards.
        needs_tiles: It makes sense only where every axis is tiled.
    """

    holds: Callable[[Tiling, Limits], Mask]
    spatial: bool = False
    ceiling: bool = False
    needs_tiles: bool = True
