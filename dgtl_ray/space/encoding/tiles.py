"""Features of the tiles: extents of each axis and level, and how well they are aligned."""

from dgtl_ray.space.encoding.view import Columns, View

# Slots whose alignment is told: those that fill vectors and warps.
ALIGNED_SLOTS = 2


def tile_features(view: View, out: Columns) -> None:
    """log2 of every tile level's extent, slot by slot, and of each level in all."""
    slots = [(f"s{i}", axis, "S") for i, axis in enumerate(view.spatial)]
    slots += [(f"r{i}", axis, "R") for i, axis in enumerate(view.reduction)]
    for slot, axis, letter in slots:
        for level in view.levels(letter):
            name = f"log2 {slot} level {level}"
            out.add(name, 0.0 if axis is None else view.tiling.log_extent(axis, level))
    for level in range(len(view.nest.levels)):
        out.add(f"log2 level {level}", view.tiling.log_product(level))


def alignment_features(view: View, out: Columns) -> None:
    """Trailing zero bits of the extents that fill vectors and warps, and whether they are whole.

    An extent is whole where it is a power of two: it then divides every wider unit.
    """
    slots = [(f"s{i}", view.spatial[i], "S") for i in range(ALIGNED_SLOTS)]
    slots += [("r0", view.reduction[0], "R")]
    for slot, axis, letter in slots:
        for level in view.levels(letter):
            zeros = 0.0 if axis is None else view.tiling.zero_bits(axis, level)
            out.add(f"zero bits {slot} level {level}", zeros)
        level = view.levels(letter)[-1]
        whole = 1.0
        if axis is not None:
            whole = view.tiling.zero_bits(axis, level) == view.tiling.log_extent(axis, level)
        out.add(f"power of two {slot} level {level}", whole)
