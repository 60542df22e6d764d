"""The loop nest that a sketch tiles, as plain integers: its axes, tile levels, and operands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Extents = NDArray[np.int64]

# Tile levels, outermost first: S of the spatial axes, R of the reduction axes.
LEVELS = {"cpu": "SSRSRS", "cuda": "SSSRRSRS"}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One loop of the anchor block before tiling."""

    name: str
    extent: int
    reduction: bool


@dataclass(frozen=True, kw_only=True)
class Access:
    """How the anchor block touches one buffer: each index is affine in the axes.

    Attributes:
        buffer: The buffer's name.
        shape: The buffer's shape.
        coefficients: (dimensions × axes): what one step along an axis adds to an index.
        element_bytes: Size of one element.
    """

    buffer: str
    shape: tuple[int, ...]
    coefficients: tuple[tuple[int, ...], ...]
    element_bytes: int

    def footprint(self, extents: Sequence[Extents]) -> Extents:
        """Bytes touched by tiles of these extents, one array (n,) an axis.

        Counted as the bounding box, dimension by dimension, no larger than the buffer.
        """
        count = len(extents[0]) if extents else 1  # a single element has no axes
        elements = np.full(count, self.element_bytes, dtype=np.int64)
        for size, row in zip(self.shape, self.coefficients, strict=True):
            used = [(abs(c), e) for c, e in zip(row, extents, strict=True) if c]
            if used:
                span = sum((c * (e - 1) for c, e in used[1:]), used[0][0] * (used[0][1] - 1)) + 1
                elements *= np.minimum(span, size)
        return elements


@dataclass(frozen=True, kw_only=True)
class Nest:
    """The anchor block's loops, outermost first, and its operands.

    Attributes:
        axes: The loops before tiling.
        levels: One letter a tile level, outermost first (`LEVELS`).
        reads: The operands it reads, the accumulator left out.
        write: What it writes.
    """

    axes: tuple[Axis, ...]
    levels: str
    reads: tuple[Access, ...]
    write: Access

    def levels_of(self, axis: Axis) -> tuple[int, ...]:
        """The tile levels that an axis is split into, outermost first."""
        letter = "R" if axis.reduction else "S"
        return tuple(i for i, level in enumerate(self.levels) if level == letter)

    def home_level(self, index: int) -> int:
        """Where an axis lies whole that no knob splits.

        Reductions run innermost; of the spatial axes only the last can fill a vector.
        """
        axis = self.axes[index]
        levels = self.levels_of(axis)
        last_spatial = max((i for i, a in enumerate(self.axes) if not a.reduction), default=-1)
        short = axis.extent <= 64
        return levels[-1] if axis.reduction or (index == last_spatial and short) else levels[0]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "axes": [[a.name, a.extent, a.reduction] for a in self.axes],
            "levels": self.levels,
            "reads": [_access_as_list(access) for access in self.reads],
            "write": _access_as_list(self.write),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Nest":
        """The nest that `as_dict` wrote."""
        return cls(
            axes=tuple(Axis(name=n, extent=e, reduction=r) for n, e, r in data["axes"]),
            levels=data["levels"],
            reads=tuple(_access_from_list(item) for item in data["reads"]),
            write=_access_from_list(data["write"]),
        )


def _access_as_list(access: Access) -> list[Any]:
    rows = [list(row) for row in access.coefficients]
    return [access.buffer, list(access.shape), rows, access.element_bytes]


def _access_from_list(item: list[Any]) -> Access:
    buffer, shape, rows, element_bytes = item
    return Access(
        buffer=buffer,
        shape=tuple(shape),
        coefficients=tuple(tuple(row) for row in rows),
        element_bytes=element_bytes,
    )
