"""The tile extents of many configurations of one sketch at once."""

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.knobs import KnobKind
from dgtl_ray.space.nest import Access, Extents
from dgtl_ray.space.sketch import Logs, Sketch


class Tiling:
    """Looks the extents of configurations up in the tables of their sketch.

    Args:
        sketch: The sketch of all the configurations.
        choices: (n × knobs) the chosen rows of the knobs' tables.
    """

    def __init__(self, sketch: Sketch, choices: IntArray) -> None:
        self.sketch = sketch
        self.nest = sketch.nest
        self.count = len(choices)
        self._columns = np.ascontiguousarray(choices.T)
        self._nothing = np.zeros(self.count, dtype=np.int32)

    def chosen(self, axis: int) -> IntArray:
        """(n,) the row of an axis's tables that each configuration chose."""
        tile = self.sketch.tiles[axis]
        return self._nothing if tile < 0 else self._columns[tile]

    def choice(self, knob: int) -> IntArray:
        """(n,) the index that each configuration holds for a knob."""
        column: IntArray = self._columns[knob]
        return column

    @property
    def locations(self) -> list[int]:
        """The knobs that decide where a block is computed."""
        knobs = self.sketch.knobs
        return [i for i, knob in enumerate(knobs) if knob.kind is KnobKind.LOCATION]

    def computes_at(self, axis: int, level: int) -> NDArray[np.bool_]:
        """(n,) whether a block with a free location is computed at this loop."""
        mask = np.zeros(self.count, dtype=np.bool_)
        for index in self.locations:
            sites = self.sketch.knobs[index].sites
            here = np.array([site == (axis, level) for site in sites], dtype=np.bool_)
            mask |= here[self._columns[index]]
        return mask

    def extent(self, axis: int, level: int) -> Extents:
        """(n,) extent of one level of one axis."""
        return np.take(self.sketch.level_extents[axis][level], self.chosen(axis))

    def inner(self, axis: int, level: int) -> Extents:
        """(n,) product of a level of one axis and all inside it; 1 beyond the innermost."""
        if level >= len(self.nest.levels):
            return np.ones(self.count, dtype=np.int64)
        return np.take(self.sketch.inner_extents[axis][level], self.chosen(axis))

    def log_extent(self, axis: int, level: int) -> Logs:
        """(n,) log2 of the extent of one level of one axis."""
        return np.take(self.sketch.log_extents[axis][level], self.chosen(axis))

    def log_inner(self, axis: int, level: int) -> Logs:
        """(n,) log2 of the product of a level of one axis and all inside it."""
        return np.take(self.sketch.log_inner_extents[axis][level], self.chosen(axis))

    def zero_bits(self, axis: int, level: int) -> Logs:
        """(n,) log2 of the greatest power of two that divides the extent."""
        return np.take(self.sketch.zero_bits[axis][level], self.chosen(axis))

    def log_product(self, level: int) -> Logs:
        """(n,) log2 of `product`."""
        result = np.zeros(self.count, dtype=np.float32)
        for index, axis in enumerate(self.nest.axes):
            if axis.reduction == (self.nest.levels[level] == "R"):
                result += self.log_extent(index, level)
        return result

    def product(self, level: int) -> Extents:
        """(n,) iterations of a level: over the spatial or the reduction axes, as it may be."""
        reduction = self.nest.levels[level] == "R"
        result = np.ones(self.count, dtype=np.int64)
        for index, axis in enumerate(self.nest.axes):
            if axis.reduction == reduction:
                result *= self.extent(index, level)
        return result

    def value(self, name: str) -> Extents | None:
        """(n,) the value of a knob that is no tile, None where the sketch has no such knob."""
        index = self.sketch.knob_index(name)
        if index < 0:
            return None
        table = self.sketch.knobs[index].table[:, 0].astype(np.int64)
        values: Extents = np.take(table, self._columns[index])
        return values

    def bytes_inside(self, access: Access, spatial: int, reduction: int) -> Extents:
        """(n,) bytes of an operand that the levels from these inwards touch.

        Args:
            access: The operand.
            spatial: First level counted of the spatial axes.
            reduction: First level counted of the reduction axes.
        """
        return access.footprint(
            [
                self.inner(index, reduction if axis.reduction else spatial)
                for index, axis in enumerate(self.nest.axes)
            ]
        )
