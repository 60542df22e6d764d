"""Filters transformed for Winograd's algorithm, once, when a network is compiled."""

from typing import Any

from tvm import tirx

from dgtl_ray.space.sketches.own.tir import (
    FLOAT,
    Block,
    Expr,
    Stmt,
    function,
    index,
    load,
    loop,
    store,
)
from dgtl_ray.space.sketches.own.winograd_transforms import Transforms

_EXACT = "float64"


def prepare_filters(weight: Any, transforms: Transforms, width: int) -> Any:
    """A PrimFunc from filters (3 × 3 × C × K) to G g Gᵀ, as (K / width, (m + 2)², C, width).

    It computes in float64 and rounds once.

    Args:
        weight: The filters' buffer.
        transforms: Of the tile size.
        width: Output channels that lie side by side; it divides K.
    """
    channels, outputs = (int(size) for size in weight.shape[2:])
    side = transforms.side
    prepared = tirx.decl_buffer(
        prepared_shape(weight, transforms, width), FLOAT, name="transformed"
    )

    def filters(block_of: Expr, channel: Expr, output: Expr) -> Stmt:
        block = Block()
        square = [
            [
                block.bind(
                    tirx.Cast(
                        _EXACT,
                        load(weight, index(i), index(j), channel, block_of * width + output),
                    )
                )
                for j in range(3)
            ]
            for i in range(3)
        ]
        half = [
            [block.bind(_product(row, column)) for column in zip(*square, strict=True)]
            for row in transforms.filter_rows
        ]
        for i in range(side):
            for j, row in enumerate(transforms.filter_rows):
                value = tirx.Cast(FLOAT, _product(row, half[i]))
                place = (block_of, index(i * side + j), channel, output)
                block.add(store(prepared, value, *place))
        return block.done()

    body = loop(
        "block",
        outputs // width,
        lambda b: loop("c", channels, lambda c: loop("k", width, lambda k: filters(b, c, k))),
    )
    return function([weight, prepared], body)


def prepared_shape(weight: Any, transforms: Transforms, width: int) -> tuple[Expr, ...]:
    """Of the transformed filters."""
    channels, outputs = (int(size) for size in weight.shape[2:])
    return tuple(map(index, (outputs // width, transforms.products, channels, width)))


def _product(row: Any, column: Any) -> Expr:
    """Σ row · column, in float64, the zeros of `row` left out."""
    terms = [
        tirx.FloatImm(_EXACT, float(factor)) * value
        for factor, value in zip(row, column, strict=True)
        if factor
    ]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
