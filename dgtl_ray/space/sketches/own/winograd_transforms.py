"""The transforms of Winograd's minimal filtering F(m × m, 3 × 3), as straight-line sums.

Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A (Winograd 1980; Lavin & Gray, "Fast Algorithms for Convolutional Neural
Networks", 2016, whose matrices these are): d is a patch of the input, g the filter, Y the m × m
outputs of a tile. Each transform is applied to the columns, then to the rows of what that gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dgtl_ray.space.sketches.own.tir import Expr, number, spread

Bind: TypeAlias = Callable[[Expr], Expr]
OneSided: TypeAlias = Callable[[Sequence[Expr], Bind, int], list[Expr]]


def _scaled(factor: float, value: Expr, lanes: int) -> Expr:
    return spread(number(factor), lanes) * value


def _input_2(d: Sequence[Expr], _bind: Bind, _lanes: int) -> list[Expr]:
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _output_2(p: Sequence[Expr], bind: Bind, _lanes: int) -> list[Expr]:
    return [p[0] + bind(p[1] + p[2]), bind(p[1] - p[2]) - p[3]]


def _input_4(d: Sequence[Expr], bind: Bind, lanes: int) -> list[Expr]:
    even = bind(d[4] - _scaled(4, d[2], lanes))
    odd = bind(d[3] - _scaled(4, d[1], lanes))
    far = bind(d[4] - d[2])
    twice = bind(_scaled(2, d[3] - d[1], lanes))
    return [
        _scaled(4, d[0], lanes) - _scaled(5, d[2], lanes) + d[4],
        even + odd,
        even - odd,
        far + twice,
        far - twice,
        _scaled(4, d[1], lanes) - _scaled(5, d[3], lanes) + d[5],
    ]


def _output_4(p: Sequence[Expr], bind: Bind, lanes: int) -> list[Expr]:
    sum_1, difference_1 = bind(p[1] + p[2]), bind(p[1] - p[2])
    sum_2, difference_2 = bind(p[3] + p[4]), bind(p[3] - p[4])
    return [
        p[0] + sum_1 + sum_2,
        difference_1 + _scaled(2, difference_2, lanes),
        sum_1 + _scaled(4, sum_2, lanes),
        difference_1 + _scaled(8, difference_2, lanes) + p[5],
    ]


@dataclass(frozen=True, kw_only=True)
class Transforms:
    """Of one tile size.

    Attributes:
        outputs: m, along one side of a tile.
        one_sided_input: Bᵀ times a column of vectors.
        one_sided_output: Aᵀ times a column of vectors.
        filter_rows: G, (m + 2) × 3.
    """

    outputs: int
    one_sided_input: OneSided
    one_sided_output: OneSided
    filter_rows: tuple[tuple[float, float, float], ...]

    @property
    def side(self) -> int:
        """Of a tile's input: m + 2."""
        return self.outputs + 2

    @property
    def products(self) -> int:
        """Of a tile: (m + 2)²."""
        return self.side**2


TRANSFORMS = {
    2: Transforms(
        outputs=2,
        one_sided_input=_input_2,
        one_sided_output=_output_2,
        filter_rows=((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
    ),
    4: Transforms(
        outputs=4,
        one_sided_input=_input_4,
        one_sided_output=_output_4,
        filter_rows=(
            (1 / 4, 0, 0),
            (-1 / 6, -1 / 6, -1 / 6),
            (-1 / 6, 1 / 6, -1 / 6),
            (1 / 24, 1 / 12, 1 / 6),
            (1 / 24, -1 / 12, 1 / 6),
            (0, 0, 1),
        ),
    ),
}


def both_sides(
    one_sided: OneSided, square: Sequence[Sequence[Expr]], bind: Bind, lanes: int
) -> list[list[Expr]]:
    """M d Mᵀ for a square d of vectors, M being what `one_sided` multiplies by."""
    columns = [
        [bind(value) for value in one_sided(column, bind, lanes)]
        for column in zip(*square, strict=True)
    ]
    return [one_sided(row, bind, lanes) for row in zip(*columns, strict=True)]
