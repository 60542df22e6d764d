"""The innermost product: a tile of the output held in registers while the reduction runs."""

from collections.abc import Callable
from dataclasses import dataclass

from dgtl_ray.space.sketches.own.tir import (
    Block,
    Expr,
    Stmt,
    index,
    load,
    loop,
    number,
    sequence,
    spread,
    store,
    vector,
)


@dataclass(frozen=True, kw_only=True)
class RegisterTile:
    """rows × (vectors · lanes) sums over `steps` products.

    Attributes:
        rows: Of the tile.
        vectors: Of a row.
        lanes: Of a vector.
        steps: Of the reduction.
        unroll: Steps written out one after another; it divides `steps`.
    """

    rows: int
    vectors: int
    lanes: int
    steps: int
    unroll: int

    def sums(
        self,
        left: Callable[[int, Expr], Expr],
        right: Callable[[int, Expr], Expr],
        write: Callable[[int, int, Expr], Stmt],
    ) -> Stmt:
        """Sum, then write.

        Args:
            left: The number of a row at a step.
            right: The vector of a column of vectors at a step.
            write: Puts the sum of a row and column of vectors away.
        """
        block = Block()
        width = self.vectors * self.lanes
        held = [block.scratch(width, f"sum{row}", registers=True) for row in range(self.rows)]
        at = [vector(column * self.lanes, self.lanes) for column in range(self.vectors)]
        zero = spread(number(0.0), self.lanes)
        block.add(*(store(row, zero, place) for row in held for place in at))

        def step(k: Expr) -> Stmt:
            inner = Block()
            columns = [inner.bind(right(column, k), "w") for column in range(self.vectors)]
            for number_of, row in enumerate(held):
                factor = inner.bind(spread(left(number_of, k), self.lanes), "x")
                for column, place in zip(columns, at, strict=True):
                    inner.add(store(row, load(row, place) + factor * column, place))
            return inner.done()

        def steps(k: Expr) -> Stmt:
            return sequence([step(k * self.unroll + index(u)) for u in range(self.unroll)])

        block.add(loop("k", self.steps // self.unroll, steps))
        block.add(
            *(
                write(number_of, column, load(row, place))
                for number_of, row in enumerate(held)
                for column, place in enumerate(at)
            )
        )
        return block.done()
