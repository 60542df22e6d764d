"""What the feature groups see of a batch of configurations, and where they write."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.space.limits import Limits
from dgtl_ray.space.nest import Access, Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.tiling import Tiling

Values = NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int64] | NDArray[np.bool_]

# Canonical slots of the axes, counted from the innermost: slot 0 of the spatial axes is the one
# that fills vectors. Axes beyond the last slot show only in the products.
SPATIAL_SLOTS = 5
REDUCTION_SLOTS = 3
# Operands with columns of their own; further ones show only in the sums.
READ_SLOTS = 2


@dataclass(frozen=True, kw_only=True)
class View:
    """A batch of configurations of one sketch, on one device."""

    tiling: Tiling
    limits: Limits
    device: DeviceDescriptor

    @property
    def sketch(self) -> Sketch:
        """The sketch of all the configurations."""
        return self.tiling.sketch

    @property
    def nest(self) -> Nest:
        """The loops that the sketch tiles."""
        return self.tiling.nest

    @property
    def workload(self) -> Nest:
        """The loops of the task, whatever the sketch makes of it."""
        return self.sketch.workload or self.nest

    @cached_property
    def spatial(self) -> tuple[int | None, ...]:
        """The axis in each spatial slot, None where the nest has fewer."""
        return axis_slots(self.nest, SPATIAL_SLOTS)

    @cached_property
    def reduction(self) -> tuple[int | None, ...]:
        """The axis in each reduction slot, None where the nest has fewer."""
        return axis_slots(self.nest, REDUCTION_SLOTS, reduction=True)

    @property
    def reads(self) -> tuple[Access | None, ...]:
        """The operand in each read slot, None where there are fewer."""
        return (*self.nest.reads[:READ_SLOTS], None, None)[:READ_SLOTS]

    def levels(self, letter: str) -> list[int]:
        """The spatial (S) or reduction (R) tile levels, outermost first."""
        return [i for i, level in enumerate(self.nest.levels) if level == letter]


class Columns:
    """Takes features one after another: a name each, and one value for every configuration.

    Args:
        count: Configurations.
        capacity: Features it has room for.
    """

    def __init__(self, count: int, capacity: int) -> None:
        self.names: list[str] = []
        self._values = np.zeros((capacity, count), dtype=np.float32)

    def add(self, name: str, value: Values | float) -> None:
        """Add a feature."""
        self._values[len(self.names)] = value
        self.names.append(name)

    @property
    def rows(self) -> NDArray[np.float32]:
        """(n × features)."""
        return self._values[: len(self.names)].T


def log2(value: Values | float) -> NDArray[np.float32]:
    """Binary logarithm of counts and bytes; what is nothing counts as one."""
    return np.log2(np.maximum(np.asarray(value, dtype=np.float32), np.float32(1.0)))


def axis_slots(nest: Nest, count: int, *, reduction: bool = False) -> tuple[int | None, ...]:
    """The axis in each slot, counted from the innermost, None where there are fewer."""
    axes = [i for i, axis in enumerate(nest.axes) if axis.reduction == reduction][::-1]
    return tuple(axes[slot] if slot < len(axes) else None for slot in range(count))
