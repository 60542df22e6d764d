"""A matrix product with packed weights, as one function.

A parallel iteration takes some rows and some output channels: block of channels after block of
channels, each with all of its rows, one register tile at a time, and what follows at its end.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

from tvm import tirx
from tvm.tirx import ForKind

from dgtl_ray.space.sketches.own.reading import Contraction
from dgtl_ray.space.sketches.own.register_tile import RegisterTile
from dgtl_ray.space.sketches.own.tir import (
    Block,
    Buffer,
    Expr,
    Stmt,
    function,
    index,
    load,
    loop,
    store,
    vector,
)


@dataclass(frozen=True, kw_only=True)
class MatmulKernel:
    """What the function is made of.

    Attributes:
        task: The product: its last spatial axis are the output channels, all others its rows.
        reduction: The axis that is summed over.
        weights: Packed (channels / width, steps, width).
        panels: Register tiles of a part, one below the other.
        rows: Of a register tile.
        unroll: Of the reduction.
        shares: Parts of the output channels that run in parallel.
        lanes: Output channels of a vector.
    """

    task: Contraction
    reduction: int
    weights: Buffer
    panels: int
    rows: int
    unroll: int
    shares: int
    lanes: int

    def write(self, parameters: list[Buffer]) -> Any:
        """The PrimFunc with these parameters."""
        size = self.panels * self.rows
        all_rows = prod(self._rows)
        parts = -(-all_rows // size)
        each = int(self.weights.shape[0]) // self.shares

        def part(at: Expr) -> Stmt:
            block = Block()
            share = block.bind(at // parts, "share")
            # The last part begins early enough to be whole.
            first = block.bind(tirx.min((at % parts) * size, index(all_rows - size)), "first")

            def column(c: Expr) -> Stmt:
                return loop(
                    "panel",
                    self.panels,
                    lambda q: self._tile(first + q * self.rows, share * each + c),
                )

            block.add(loop("column", each, column))
            return block.done()

        return function(parameters, loop("part", parts * self.shares, part, ForKind.PARALLEL))

    @property
    def _rows(self) -> tuple[int, ...]:
        """Extents of the axes that are rows together."""
        return self.task.extents[: self.task.spatial - 1]

    @property
    def _width(self) -> int:
        """Of a block of output channels."""
        return int(self.weights.shape[2])

    def _row(self, row: Expr) -> list[Expr]:
        """The index along each of the axes that are rows together."""
        indices: list[Expr] = []
        outermost = True
        for k, extent in enumerate(self._rows):
            inner = prod(self._rows[k + 1 :])
            if extent == 1:
                indices.append(index(0))
                continue
            position = row // inner if inner > 1 else row
            indices.append(position if outermost else position % extent)
            outermost = False
        return indices

    def _source(self, row: Expr, step: Expr) -> Expr:
        """The source's number of a row at a step."""
        along = [*self._row(row)]
        operand = self.task.source
        indices = []
        for steps, offset in zip(operand.rows, operand.offsets, strict=True):
            position: Expr = index(offset)
            for axis, factor in enumerate(steps):
                if factor and axis < len(along):
                    position = position + along[axis] * factor
                elif factor and axis == self.reduction:
                    position = position + step * factor
            indices.append(position)
        return load(operand.buffer, *indices)

    def _tile(self, first: Expr, column: Expr) -> Stmt:
        """One register tile of a block of output channels, from a row on."""
        tile = RegisterTile(
            rows=self.rows,
            vectors=self._width // self.lanes,
            lanes=self.lanes,
            steps=self.task.extents[self.reduction],
            unroll=self.unroll,
        )
        return tile.sums(
            lambda i, k: self._source(first + i, k),
            lambda v, k: load(self.weights, column, k, vector(v * self.lanes, self.lanes)),
            lambda i, v, value: self._write(
                first + i, column * self._width + v * self.lanes, value
            ),
        )

    def _write(self, row: Expr, channel: Expr, value: Expr) -> Stmt:
        """A vector of output channels of one row, and what follows the product."""
        block = Block()
        element = block.scratch(self.lanes, "element", registers=True)
        block.add(store(element, value, vector(0, self.lanes)))
        place = self._row(row)

        def lane(offset: Expr) -> Stmt:
            at = (*place, channel + offset)
            return store(self.task.output, self.task.epilogue.at(load(element, offset), at), *at)

        block.add(loop("lane", self.lanes, lane, ForKind.VECTORIZED))
        return block.done()
