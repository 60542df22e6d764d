"""Copies of a tensor side by side."""

from collections.abc import Callable, Sequence
from typing import Any

from tvm import relax

from dgtl_ray.model.folding import static_shape

# Copies along one axis that are written by one call.
_MANY = 32


def copies(x: Any, counts: Sequence[int], emit: Callable[[Any], Any]) -> Any:
    """As many copies of a tensor along each axis as `counts` says, one or more.

    TVM's own operator reads its input at indices modulo the extents, which LLVM compiles wrongly
    for AVX-512.

    Args:
        x: A relax tensor of fixed shape.
        counts: One for each axis.
        emit: Gives an expression with its type known.
    """
    shape = static_shape(x.ty)
    pairs = list(zip(shape, counts, strict=True))
    wide = [count if extent == 1 else extent for extent, count in pairs]
    if wide != list(shape):
        x = emit(relax.op.broadcast_to(x, relax.ShapeExpr(wide)))
    for axis, (extent, count) in enumerate(pairs):
        if extent != 1:
            x = _side_by_side(x, count, axis, emit)
    return x


def _side_by_side(x: Any, count: int, axis: int, emit: Callable[[Any], Any]) -> Any:
    """In stages, each of copies of what the one before wrote."""
    parts: list[Any] = []
    while count:
        count, rest = divmod(count, _MANY)
        parts += [x] * rest
        if count:
            x = emit(relax.op.concat([x] * _MANY, axis=axis))
    return parts[0] if len(parts) == 1 else emit(relax.op.concat(parts, axis=axis))
