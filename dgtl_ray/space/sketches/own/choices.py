"""What the knobs of our own algorithms choose from: tables of tiles, level by level."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from dgtl_ray.space.knobs import Knob, KnobKind
from dgtl_ray.space.nest import Access
from dgtl_ray.space.sketch import RegisterLimits
from dgtl_ray.space.sketches.cpu_shape import CpuShape, vector_factor

Row = tuple[int, ...]

# Vectors of a register tile's row.
_VECTORS = (1, 2, 3, 4, 5, 6)
# Fewer lanes than these are no vector worth the name.
LEAST_LANES = 4
FLOAT_BYTES = 4
_UNROLLS = (1, 2, 4)
# Rows of a register tile; fewer only where there are no more.
_FEWEST_ROWS, _MOST_ROWS = 4, 16
# A loop of one part is not parallel: an algorithm is no good on several cores without two.
_FEWEST_PARTS = 2
# Share of rows that may be computed twice, because parts are of one size.
_MOST_WASTE = 0.15


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What an algorithm must know of the machine.

    Attributes:
        cpu: Its vectors.
        cores: Cores that run in parallel.
    """

    cpu: CpuShape
    cores: int

    def lanes(self, channels: int) -> int:
        """Of a vector along so many channels."""
        return vector_factor(channels, self.cpu.lanes)

    def register_limits(self, channels: int, rows: Knob, columns: Knob) -> RegisterLimits:
        """Of sums along so many output channels.

        Args:
            channels: Of the output.
            rows: Tiles the rows of the sums.
            columns: Tiles their channels.
        """
        lanes = self.lanes(channels)
        most = max(self._most_parts(lanes, rows, columns), _FEWEST_PARTS)
        return RegisterLimits(
            lanes=lanes, registers=self.cpu.registers, least_parts=min(self.cores, most)
        )

    def parts(self, total: int, sizes: Iterable[int]) -> list[int]:
        """Numbers of equal parts of about the given sizes that fill the cores evenly, or 1."""
        numbers = {1}
        for size in sizes:
            parts = -(-total // size)
            numbers |= {parts, -(-parts // self.cores) * self.cores}
        return sorted(numbers)

    def _most_parts(self, lanes: int, rows: Knob, columns: Knob) -> int:
        """Iterations of the parallel loop, at most, with tiles that fit registers, fill vectors."""
        widths = columns.table[:, -1]
        wide = columns.table[widths >= min(self.cpu.lanes // 2, int(widths.max()))]
        fits = (rows.table[:, -1:] + 1) * -(-wide[:, -1] // lanes) + 1 <= self.cpu.registers
        parts = rows.table[:, :1] * wide[:, 0]
        return int(parts[fits].max(initial=1))


def tile_knob(name: str, instruction: int, rows: Iterable[Row]) -> Knob:
    """A knob whose choices are the given rows: extents of an axis, outermost level first."""
    table = sorted(set(rows))
    return Knob(
        name=f"tile {name}",
        kind=KnobKind.TILE,
        instruction=instruction,
        shape=(max((prod(row) for row in table), default=0), len(table[0]), 0),
        values=tuple(part for row in table for part in row),
    )


def row_rows(total: int, parts: Sequence[int], most: int) -> list[Row]:
    """[parts, 1, panels, rows of a register tile] of `total` rows, which parts may share.

    Every part has the same size, in whole register tiles; the last begins early enough to fit.

    Args:
        total: Rows.
        parts: Numbers of parts to try.
        most: Rows of a part.
    """
    found: list[Row] = []
    for number in parts:
        share = -(-total // number)
        for rows in range(1, min(_MOST_ROWS, total) + 1):
            panels = -(-share // rows)
            size = panels * rows
            needed = -(-total // size)
            wasted = (needed * size - total) / total
            worthwhile = rows >= _FEWEST_ROWS or panels == 1
            if worthwhile and size <= min(most, total) and wasted <= _MOST_WASTE:
                found.append((needed, 1, panels, rows))
    return found


def column_rows(channels: int, lanes: int, shares: Sequence[int | None]) -> list[Row]:
    """[shares, blocks, 1, channels of a block] of the output channels.

    Args:
        channels: Of the output.
        lanes: Of a vector.
        shares: Numbers of parts to try; None: each block is one.
    """
    widths = [vectors * lanes for vectors in _VECTORS if channels % (vectors * lanes) == 0]
    blocks = {width: channels // width for width in widths}
    parts = [(width, share or blocks[width]) for width in widths for share in shares]
    return [
        (share, blocks[width] // share, 1, width)
        for width, share in parts
        if blocks[width] % share == 0
    ]


def float_access(
    name: str, shape: tuple[int, ...], coefficients: tuple[tuple[int, ...], ...]
) -> Access:
    """How a nest touches a float32 buffer."""
    return Access(buffer=name, shape=shape, coefficients=coefficients, element_bytes=FLOAT_BYTES)


def step_rows(steps: int) -> list[Row]:
    """[iterations, steps written out] of the reduction."""
    return [(steps // unroll, unroll) for unroll in _UNROLLS if steps % unroll == 0]
