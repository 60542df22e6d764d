"""Attention as one loop nest.

A parallel iteration takes some queries of one head all the way. Keys (transposed, in blocks of
columns) and values are first brought together, so that what is read again and again lies side by
side; then, a few queries at a time, scores, softmax and the weighted mean, which never leave a
core's cache.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tvm import tirx
from tvm.tirx import ForKind

from dgtl_ray.space.sketches.own.attention_program import AttentionShape
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
)

# An operand's element at (example, head, token, channel).
Element = Callable[[Expr, Expr, Expr, Expr], Expr]

# Below every score, also where a mask has added the lowest finite number: it weighs exactly 0.
_LOWEST = -math.inf


@dataclass(frozen=True, kw_only=True)
class AttentionKernel:
    """What the function is made of.

    Attributes:
        shape: Sizes.
        query: The queries' elements.
        key: The keys'.
        value: The values'.
        bias: What is added to scores, None for nothing.
        output: What is written.
        panels: Register tiles of a part, one below the other.
        rows: Queries of a register tile.
        width: Keys of a register tile: whole vectors.
        out_width: Of a register tile of the result; it divides `shape.out`.
        unroll: Of both reductions; at most `lanes`.
        lanes: Scores of a vector.
        out_lanes: Elements of the result of a vector.
    """

    shape: AttentionShape
    query: Element
    key: Element
    value: Element
    bias: Element | None
    output: Buffer
    panels: int
    rows: int
    width: int
    out_width: int
    unroll: int
    lanes: int
    out_lanes: int

    def write(self, parameters: list[Buffer]) -> Any:
        """The PrimFunc with these parameters."""
        shape, size = self.shape, self.panels * self.rows
        each = -(-shape.tokens // size)

        def part(at: Expr) -> Stmt:
            block = Block()
            pair = block.bind(at // each, "pair")
            head = _Head(
                kernel=self,
                batch=block.bind(pair // shape.heads, "example"),
                head=block.bind(pair % shape.heads, "head"),
                keys=block.scratch(self.columns * shape.width, "keys"),
                values=block.scratch(self.steps * shape.out, "values"),
            )
            # The last part begins early enough to be whole.
            last = index(shape.tokens - size)
            first = block.bind(tirx.min((at % each) * size, last), "first")
            block.add(head.gather_keys(), head.gather_values())
            block.add(loop("panel", self.panels, lambda p: head.tile(first + p * self.rows)))
            return block.done()

        count = shape.batch * shape.heads * each
        return function(parameters, loop("part", count, part, ForKind.PARALLEL))

    @cached_property
    def columns(self) -> int:
        """Scores of a query, with those that fill the last vector."""
        return -(-self.shape.others // self.lanes) * self.lanes

    @cached_property
    def steps(self) -> int:
        """Values of a head, with those of weight zero that fill the last iteration."""
        return -(-self.shape.others // self.unroll) * self.unroll

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """(first column, width) of the last block, where it is narrower, else nothing."""
        whole = self.columns // self.width * self.width
        return ((whole, self.columns - whole),) if whole < self.columns else ()


@dataclass(frozen=True, kw_only=True)
class _Head:
    """Some queries of one head.

    Attributes:
        kernel: Whose they are.
        batch: The example.
        head: The head.
        keys: Scratch: for each block of columns (channels, columns of the block).
        values: Scratch: (tokens, channels).
    """

    kernel: AttentionKernel
    batch: Expr
    head: Expr
    keys: Buffer = field(repr=False)
    values: Buffer = field(repr=False)

    def gather_keys(self) -> Stmt:
        """Transposed, zeros where there are no keys left."""
        kernel, shape = self.kernel, self.kernel.shape

        def block(first: Expr, width: int) -> Stmt:
            def element(step: Expr, column: Expr) -> Stmt:
                at = first + column
                found = kernel.key(self.batch, self.head, at, step)
                inside = tirx.if_then_else(at < shape.others, found, number(0.0))
                return store(self.keys, inside, first * shape.width + step * width + column)

            return loop(
                "column",
                width,
                lambda column: loop("step", shape.width, lambda step: element(step, column)),
            )

        return self._blocks(block)

    def gather_values(self) -> Stmt:
        """As they are, then zeros."""
        kernel, shape = self.kernel, self.kernel.shape

        def row(j: Expr) -> Stmt:
            def lane(c: Expr) -> Stmt:
                element = kernel.value(self.batch, self.head, j, c)
                return store(self.values, element, j * shape.out + c)

            return loop("c", shape.out, lane, ForKind.VECTORIZED)

        def zeros(j: Expr) -> Stmt:
            at = (j + shape.others) * shape.out
            return loop(
                "c",
                shape.out,
                lambda c: store(self.values, number(0.0), at + c),
                ForKind.VECTORIZED,
            )

        block = Block()
        block.add(loop("j", shape.others, row))
        if kernel.steps > shape.others:
            block.add(loop("j", kernel.steps - shape.others, zeros))
        return block.done()

    def tile(self, first: Expr) -> Stmt:
        """The results of a register tile's queries."""
        kernel, shape = self.kernel, self.kernel.shape
        block = Block()
        queries = block.scratch(kernel.rows * shape.width, "queries")
        scores = block.scratch(kernel.rows * kernel.columns, "scores")
        inverse = block.scratch(kernel.rows, "inverse")

        def gather(i: Expr, d: Expr) -> Stmt:
            element = kernel.query(self.batch, self.head, first + i, d)
            return store(queries, element, i * shape.width + d)

        block.add(
            loop(
                "i",
                kernel.rows,
                lambda i: loop("d", shape.width, lambda d: gather(i, d), ForKind.VECTORIZED),
            ),
            self._scores(queries, scores),
            loop("i", kernel.rows, lambda i: self._softmax(scores, inverse, first, i)),
            self._mixed(scores, inverse, first),
        )
        return block.done()

    def _blocks(self, block: Callable[[Expr, int], Stmt]) -> Stmt:
        """One block of columns after another; the last may be narrower."""
        kernel = self.kernel
        result = Block()
        whole = kernel.columns // kernel.width
        if whole:
            result.add(loop("block", whole, lambda c: block(c * kernel.width, kernel.width)))
        for first, width in kernel.blocks:
            result.add(block(index(first), width))
        return result.done()

    def _scores(self, queries: Buffer, scores: Buffer) -> Stmt:
        kernel, shape = self.kernel, self.kernel.shape

        def block(first: Expr, width: int) -> Stmt:
            tile = RegisterTile(
                rows=kernel.rows,
                vectors=width // kernel.lanes,
                lanes=kernel.lanes,
                steps=shape.width,
                unroll=kernel.unroll if shape.width % kernel.unroll == 0 else 1,
            )
            keys = first * shape.width

            def right(v: int, k: Expr) -> Expr:
                return load(self.keys, vector(keys + k * width + v * kernel.lanes, kernel.lanes))

            def write(i: int, v: int, value: Expr) -> Stmt:
                at = first + (i * kernel.columns + v * kernel.lanes)
                return store(scores, value, vector(at, kernel.lanes))

            return tile.sums(lambda i, k: load(queries, k + i * shape.width), right, write)

        return self._blocks(block)

    def _softmax(self, scores: Buffer, inverse: Buffer, first: Expr, i: Expr) -> Stmt:
        """Exponentials of one query's scores, less their greatest; and 1 ÷ their sum."""
        kernel, shape = self.kernel, self.kernel.shape
        row, lanes = i * kernel.columns, kernel.lanes
        block = Block()
        if kernel.bias is not None:
            block.add(self._add_bias(scores, row, first + i, kernel.bias))
        if kernel.columns > shape.others:
            block.add(
                loop(
                    "j",
                    kernel.columns - shape.others,
                    lambda j: store(scores, number(_LOWEST), row + shape.others + j),
                )
            )
        peaks = block.scratch(lanes, "peaks", registers=True)
        totals = block.scratch(lanes, "totals", registers=True)
        all_lanes = vector(0, lanes)
        block.add(store(peaks, spread(number(_LOWEST), lanes), all_lanes))
        block.add(store(totals, spread(number(0.0), lanes), all_lanes))

        def place(v: Expr) -> Expr:
            return vector(row + v * lanes, lanes)

        vectors = kernel.columns // lanes
        block.add(
            loop(
                "v",
                vectors,
                lambda v: store(
                    peaks, tirx.max(load(peaks, all_lanes), load(scores, place(v))), all_lanes
                ),
            )
        )
        peak = block.bind(_over_lanes(peaks, lanes, tirx.max), "peak")

        def weigh(v: Expr) -> Stmt:
            inner = Block()
            weight = inner.bind(tirx.exp(load(scores, place(v)) - spread(peak, lanes)), "weight")
            inner.add(store(scores, weight, place(v)))
            inner.add(store(totals, load(totals, all_lanes) + weight, all_lanes))
            return inner.done()

        block.add(loop("v", vectors, weigh))
        total = _over_lanes(totals, lanes, lambda a, b: a + b)
        block.add(store(inverse, number(1.0) / total, i))
        return block.done()

    def _add_bias(self, scores: Buffer, row: Expr, token: Expr, bias: Element) -> Stmt:
        def add(j: Expr) -> Stmt:
            added = load(scores, row + j) + bias(self.batch, self.head, token, j)
            return store(scores, added, row + j)

        return loop("j", self.kernel.shape.others, add, ForKind.VECTORIZED)

    def _mixed(self, scores: Buffer, inverse: Buffer, first: Expr) -> Stmt:
        """Values weighted and summed, and divided by the weights' sums."""
        kernel, shape = self.kernel, self.kernel.shape
        lanes = kernel.out_lanes

        def block(at: Expr) -> Stmt:
            tile = RegisterTile(
                rows=kernel.rows,
                vectors=kernel.out_width // lanes,
                lanes=lanes,
                steps=kernel.steps,
                unroll=kernel.unroll,
            )

            def write(i: int, v: int, value: Expr) -> Stmt:
                mean = value * spread(load(inverse, index(i)), lanes)
                return self._store(mean, first + i, at * kernel.out_width + v * lanes)

            return tile.sums(
                lambda i, k: load(scores, k + i * kernel.columns),
                lambda v, k: load(
                    self.values, vector(k * shape.out + at * kernel.out_width + v * lanes, lanes)
                ),
                write,
            )

        return loop("out", shape.out // kernel.out_width, block)

    def _store(self, value: Expr, token: Expr, channel: Expr) -> Stmt:
        kernel, lanes = self.kernel, self.kernel.out_lanes
        if kernel.shape.merged:
            channels = vector(self.head * kernel.shape.out + channel, lanes)
            return store(kernel.output, value, self.batch, token, channels)
        return store(kernel.output, value, self.batch, self.head, token, vector(channel, lanes))


def _over_lanes(held: Buffer, lanes: int, join: Callable[[Expr, Expr], Expr]) -> Expr:
    """All lanes of a vector joined, in pairs."""
    values = [load(held, index(lane)) for lane in range(lanes)]
    while len(values) > 1:
        half = (len(values) + 1) // 2
        pairs = zip(values[: len(values) // 2], values[half:], strict=True)
        middle = values[len(values) // 2 : half]
        values = [join(a, b) for a, b in pairs] + middle
    return values[0]
