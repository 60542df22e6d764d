"""Winograd's algorithm for a 3 × 3 convolution, as one function.

A parallel iteration takes some tiles and some output channels all the way: the input transform, one
small product for each of the (m + 2)² positions in a tile, and the output transform with what
follows the convolution. What is in between stays in scratch of its own, within a core's cache.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from tvm import tirx
from tvm.tirx import ForKind

from dgtl_ray.space.sketches.own.epilogue import Epilogue
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
    number,
    spread,
    store,
    vector,
    when,
)
from dgtl_ray.space.sketches.own.winograd_transforms import Transforms, both_sides

# Elements between the positions of a tile in scratch: without them these would lie at multiples of
# a page, and fight for the same few lines of a cache.
_APART = 16


@dataclass(frozen=True, kw_only=True)
class WinogradKernel:
    """What the function is made of.

    Attributes:
        transforms: Of the tile size.
        source: The input (N, H, W, C).
        filters: The transformed filters (K / width, (m + 2)², C, width).
        output: What is written (N, OH, OW, K).
        epilogue: What follows the convolution.
        top: Rows of zeros above the input.
        left: Columns of zeros before it.
        tiles: At a time; no more than there are.
        rows: Of the register tile; they divide `tiles`.
        unroll: Of the reduction.
        shares: Parts of the output channels that run in parallel.
        in_lanes: Input channels of a vector.
        out_lanes: Output channels of a vector.
    """

    transforms: Transforms
    source: Buffer
    filters: Buffer
    output: Buffer
    epilogue: Epilogue
    top: int
    left: int
    tiles: int
    rows: int
    unroll: int
    shares: int
    in_lanes: int
    out_lanes: int

    def write(self, parameters: list[Buffer]) -> Any:
        """The PrimFunc with these parameters."""
        blocks = -(-self.all_tiles // self.tiles)

        def part(at: Expr) -> Stmt:
            block = Block()
            share = block.bind(at // blocks, "share")
            # The last block begins early enough to be whole.
            last = index(self.all_tiles - self.tiles)
            first = block.bind(tirx.min((at % blocks) * self.tiles, last), "first")
            inputs = block.scratch(self.side**2 * self._stride(self.channels), "inputs")
            products = block.scratch(self.side**2 * self._stride(self.width), "products")
            block.add(loop("p", self.tiles, lambda p: self._input_tile(inputs, first, p)))
            each = self.column_blocks // self.shares
            block.add(
                loop(
                    "column",
                    each,
                    lambda c: self._columns(inputs, products, first, share * each + c),
                )
            )
            return block.done()

        return function(parameters, loop("part", blocks * self.shares, part, ForKind.PARALLEL))

    @property
    def side(self) -> int:
        """Of a tile's input."""
        return self.transforms.side

    @cached_property
    def channels(self) -> int:
        """Of the input."""
        return int(self.source.shape[3])

    @cached_property
    def column_blocks(self) -> int:
        """Blocks of output channels."""
        return int(self.filters.shape[0])

    @cached_property
    def width(self) -> int:
        """Of a block of output channels."""
        return int(self.filters.shape[3])

    @cached_property
    def grid(self) -> tuple[int, int, int]:
        """Images, and tiles down and across each."""
        images, height, width = (int(size) for size in self.output.shape[:3])
        size = self.transforms.outputs
        return images, -(-height // size), -(-width // size)

    @property
    def all_tiles(self) -> int:
        """Of all images."""
        images, down, across = self.grid
        return images * down * across

    def _stride(self, elements: int) -> int:
        """From one position in the tiles to the next, in scratch."""
        return self.tiles * elements + _APART

    def _place(self, block: Block, tile: Expr) -> tuple[Expr, Expr, Expr]:
        """Image, and the first row and column of the output that a tile covers."""
        _, down, across = self.grid
        size = self.transforms.outputs
        image = block.bind(tile // (down * across), "image")
        row = block.bind(((tile % (down * across)) // across) * size, "row")
        return image, row, block.bind((tile % across) * size, "column")

    def _input_tile(self, inputs: Buffer, first: Expr, p: Expr) -> Stmt:
        """Transform one tile's patch of the input; where it overlaps the border, a copy of it."""
        block = Block()
        image, row, column = self._place(block, first + p)
        top, left = block.bind(row - self.top, "top"), block.bind(column - self.left, "left")

        def within(i: int, j: int, channels: Expr) -> Expr:
            return load(self.source, image, top + i, left + j, channels)

        inside = self._transform_input(inputs, within, p)
        conditions = self._inside(top, left)
        if not conditions:
            block.add(inside)
            return block.done()
        edge = Block()
        patch = edge.scratch(self.side**2 * self.channels, "patch")
        edge.add(
            loop("i", self.side, lambda i: self._copy_row(patch, (image, top + i, left), i)),
            self._transform_input(
                inputs,
                lambda i, j, c: load(
                    patch,
                    vector(c.base + (i * self.side + j) * self.channels, self.in_lanes),
                ),
                p,
            ),
        )
        block.add(when(conditions, inside, edge.done()))
        return block.done()

    def _inside(self, top: Expr, left: Expr) -> list[Expr]:
        """When a patch lies inside the input; nothing to ask where all do."""
        conditions = []
        for start, before, tiles, size in zip(
            (top, left), (self.top, self.left), self.grid[1:], self.source.shape[1:3], strict=True
        ):
            if before:
                conditions.append(start >= 0)
            if tiles * self.transforms.outputs + 2 - before > int(size):
                conditions.append(start + self.side <= int(size))
        return conditions

    def _copy_row(self, patch: Buffer, place: tuple[Expr, Expr, Expr], i: Expr) -> Stmt:
        """One row of a patch, zeros where it lies outside the input."""
        image, y, left = place
        height, width = (int(size) for size in self.source.shape[1:3])
        zero = spread(number(0.0), self.in_lanes)

        def element(j: Expr) -> Stmt:
            def fill(value: Expr | None) -> Stmt:
                def one(c: Expr) -> Stmt:
                    channels = vector(c * self.in_lanes, self.in_lanes)
                    found = load(self.source, image, y, left + j, channels)
                    start = (i * self.side + j) * self.channels + c * self.in_lanes
                    copied = found if value is None else value
                    return store(patch, copied, vector(start, self.in_lanes))

                return loop("c", self.channels // self.in_lanes, one)

            inside = [y >= 0, y < height, left + j >= 0, left + j < width]
            return when(inside, fill(None), fill(zero))

        return loop("j", self.side, element)

    def _transform_input(self, inputs: Buffer, patch: Any, p: Expr) -> Stmt:
        """All channels of one tile; `patch` loads a vector of channels at a row and column."""
        lanes, side = self.in_lanes, self.side

        def channels(c: Expr) -> Stmt:
            block = Block()
            at = vector(c * lanes, lanes)
            square = [[block.bind(patch(i, j, at)) for j in range(side)] for i in range(side)]
            found = both_sides(self.transforms.one_sided_input, square, block.bind, lanes)
            for position, value in enumerate(chain.from_iterable(found)):
                start = position * self._stride(self.channels) + p * self.channels + c * lanes
                block.add(store(inputs, value, vector(start, lanes)))
            return block.done()

        return loop("c", self.channels // lanes, channels)

    def _columns(self, inputs: Buffer, products: Buffer, first: Expr, column: Expr) -> Stmt:
        """The products and the output transform of one block of output channels."""
        block = Block()
        panels = self.tiles // self.rows

        def position(e: Expr) -> Stmt:
            return loop(
                "panel",
                panels,
                lambda q: self._product(inputs, products, q * self.rows, (e, column)),
            )

        block.add(loop("e", self.side**2, position))
        block.add(loop("p", self.tiles, lambda p: self._output_tile(products, first, p, column)))
        return block.done()

    def _product(
        self, inputs: Buffer, products: Buffer, start: Expr, at: tuple[Expr, Expr]
    ) -> Stmt:
        """One register tile: from which tile on, at (position, block of channels)."""
        position, column = at
        tile = RegisterTile(
            rows=self.rows,
            vectors=self.width // self.out_lanes,
            lanes=self.out_lanes,
            steps=self.channels,
            unroll=self.unroll,
        )
        read, written = self._stride(self.channels), self._stride(self.width)
        return tile.sums(
            lambda i, k: load(inputs, position * read + (start + i) * self.channels + k),
            lambda v, k: load(
                self.filters, column, position, k, vector(v * self.out_lanes, self.out_lanes)
            ),
            lambda i, v, value: store(
                products,
                value,
                vector(
                    position * written + (start + i) * self.width + v * self.out_lanes,
                    self.out_lanes,
                ),
            ),
        )

    def _output_tile(self, products: Buffer, first: Expr, p: Expr, column: Expr) -> Stmt:
        """Transform one tile's products, apply what follows, and store the pixels that exist."""
        block = Block()
        place = self._place(block, first + p)
        lanes, side = self.out_lanes, self.side

        def channels(c: Expr) -> Stmt:
            inner = Block()
            start = p * self.width + c * lanes
            square = [
                [
                    inner.bind(
                        load(
                            products,
                            vector((i * side + j) * self._stride(self.width) + start, lanes),
                        )
                    )
                    for j in range(side)
                ]
                for i in range(side)
            ]
            found = both_sides(self.transforms.one_sided_output, square, inner.bind, lanes)
            pixel = inner.scratch(lanes, "pixel", registers=True)
            for i, row in enumerate(found):
                for j, value in enumerate(row):
                    inner.add(
                        self._pixel(pixel, value, (i, j), place, column * self.width + c * lanes)
                    )
            return inner.done()

        block.add(loop("c", self.width // lanes, channels))
        return block.done()

    def _pixel(
        self,
        pixel: Buffer,
        value: Expr,
        within: tuple[int, int],
        place: tuple[Expr, Expr, Expr],
        channel: Expr,
    ) -> Stmt:
        """Store a vector of channels of one pixel, where the output has it."""
        image, row, column = place
        y, x = row + within[0], column + within[1]
        height, width = (int(size) for size in self.output.shape[1:3])

        def lane(offset: Expr) -> Stmt:
            at = (image, y, x, channel + offset)
            return store(self.output, self.epilogue.at(load(pixel, offset), at), *at)

        block = Block()
        block.add(store(pixel, value, vector(0, self.out_lanes)))
        block.add(loop("lane", self.out_lanes, lane, ForKind.VECTORIZED))
        size = self.transforms.outputs
        exists = [y < height] if height % size else []
        exists += [x < width] if width % size else []
        return when(exists, block.done())
