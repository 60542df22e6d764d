"""Interpolation and pooling to a given size, axis by axis.

Along one axis each is a fixed linear map, whatever its mode, scale, alignment or antialiasing.
torch itself says which: the operator on a unit matrix. Rows have few entries, so the map is a sum
of that many gathers with constant indices, which fuse into one function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tvm import relax

from dgtl_ray.model.torch_ops.call import Call, Converter, constant, dtype_of, shape_of

# Beyond as many entries a row the map is a matrix product.
MOST_TAPS = 8


def apply_along(call: Call, x: Any, matrix: NDArray[np.float32], axis: int) -> Any:
    """`matrix` (outputs × inputs) times `x` along an axis."""
    if matrix.shape[0] == matrix.shape[1] and (matrix == np.eye(len(matrix))).all():
        return x
    taps = int((matrix != 0).sum(1).max())
    return (_gathered if taps <= MOST_TAPS else _multiplied)(call, x, matrix, axis)


def _gathered(call: Call, x: Any, matrix: NDArray[np.float32], axis: int) -> Any:
    taps = max(int((matrix != 0).sum(1).max()), 1)
    # The entries that are not zero come first, in their order.
    order = np.argsort(matrix == 0, axis=1, kind="stable")[:, :taps]
    weights = np.take_along_axis(matrix, order, 1)
    parts = [_tap(call, x, order[:, tap], weights[:, tap], axis) for tap in range(taps)]
    total = parts[0]
    for part in parts[1:]:
        total = call.emit(relax.op.add(total, part))
    return total


def _tap(
    call: Call, x: Any, places: NDArray[np.int64], weights: NDArray[np.float32], axis: int
) -> Any:
    picked = call.emit(relax.op.take(x, constant(places, "int64"), axis=axis))
    if (weights == 1).all():
        return picked
    broad = [1] * len(shape_of(x))
    broad[axis] = len(weights)
    return call.emit(relax.op.multiply(picked, constant(weights.reshape(broad), dtype_of(x))))


def _multiplied(call: Call, x: Any, matrix: NDArray[np.float32], axis: int) -> Any:
    rank = len(shape_of(x))
    order = [*(a for a in range(rank) if a != axis), axis]
    last = call.emit(relax.op.permute_dims(x, order)) if axis != rank - 1 else x
    product = call.emit(relax.op.matmul(last, constant(matrix.T.copy(), dtype_of(x))))
    if axis == rank - 1:
        return product
    return call.emit(relax.op.permute_dims(product, np.argsort(order).tolist()))


def matrix_of(operator: Any, extent: int, axes: int) -> NDArray[np.float32]:
    """What an operator does along one axis.

    Args:
        operator: Takes a tensor (1, channels, *axes) of one element along all axes but the last,
            and changes the last only. (Along another one torch's antialiasing is wrong where
            the last has one element.)
        extent: The axis' size.
        axes: How many spatial axes the operator has.

    Returns:
        The matrix (outputs × inputs).
    """
    units = torch.eye(extent).reshape(1, extent, *[1] * (axes - 1), extent)
    columns = operator(units).reshape(extent, -1)
    matrix: NDArray[np.float32] = columns.T.contiguous().numpy()
    return matrix


def _upsample(call: Call) -> Any:
    """Overload `vec`: sizes or scales of all axes, each a list or none."""
    x, size, *alignment, scales = call.args

    def along(units: torch.Tensor, axis: int) -> torch.Tensor:
        return _call(call, units, _last(size, axis, 1), *alignment, _last(scales, axis, 1.0))

    return separably(call, x, along)


def _upsample_to_size(call: Call) -> Any:
    """Overload `default`: sizes, and a scale or none for each axis."""
    x, size, *rest = call.args
    axes = len(size)
    alignment, scales = rest[:-axes], rest[-axes:]

    def along(units: torch.Tensor, axis: int) -> torch.Tensor:
        return _call(call, units, _last(size, axis, 1), *alignment, *_last(scales, axis, None))

    return separably(call, x, along)


def _call(call: Call, *args: Any) -> torch.Tensor:
    result: torch.Tensor = call.node.target(*args)  # type: ignore[operator]
    return result


def _last(values: Any, axis: int, other: Any) -> Any:
    """The value of one axis as that of the last, `other` for the rest."""
    return None if values is None else [other] * (len(values) - 1) + [values[axis]]


def separably(call: Call, x: Any, along: Callable[[torch.Tensor, int], torch.Tensor]) -> Any:
    """A map that is linear along each spatial axis of `x` (batch, channels, *axes).

    `along` applies the map of an axis, its second argument, to the last axis of its first; see
    `matrix_of`.
    """
    shape, dtype = shape_of(x), dtype_of(x)
    if dtype in {"float16", "bfloat16"}:
        x = call.cast(x, "float32")  # as torch does
    for axis, extent in enumerate(shape[2:]):
        matrix = matrix_of(lambda units, a=axis: along(units, a), extent, len(shape) - 2)
        x = apply_along(call, x, matrix, axis + 2)
    return call.cast(x, dtype)


_NAMES = (
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d",
    "_upsample_nearest_exact3d",
    "upsample_linear1d",
    "upsample_bilinear2d",
    "upsample_trilinear3d",
    "upsample_bicubic2d",
    "_upsample_bilinear2d_aa",
    "_upsample_bicubic2d_aa",
)

CONVERTERS: dict[str, Converter] = {
    **{f"{name}.vec": _upsample for name in _NAMES},
    **{f"{name}.default": _upsample_to_size for name in _NAMES},
}
