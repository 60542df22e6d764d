"""Parts of tensors: by one index, by tensors of indices, and written in place.

Indices are made to count from the front, which TVM's operators ask for and do not check.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.core.errors import InputError
from dgtl_ray.model.folding import constant_value
from dgtl_ray.model.torch_ops.call import Call, Converter, axis_of, constant, dtype_of, shape_of


def _select(call: Call) -> Any:
    x, dim, index = call.args
    axis = axis_of(dim, len(shape_of(x)))
    index %= shape_of(x)[axis]
    part = call.emit(relax.op.strided_slice(x, [axis], [index], [index + 1]))
    return call.emit(relax.op.squeeze(part, [axis]))


def _from_front(call: Call, index: Any, extent: int) -> Any:
    """Indices that count from the front, in int64."""
    values = constant_value(index)
    if values is not None:
        return constant(np.where(values < 0, values + extent, values), "int64")
    index = call.cast(index, "int64")
    negative = relax.op.less(index, relax.const(0, "int64"))
    shifted = relax.op.add(index, relax.const(extent, "int64"))
    return call.emit(relax.op.where(negative, shifted, index))


def _broadcast(call: Call, indices: Sequence[Any]) -> list[Any]:
    shape = np.broadcast_shapes(*(shape_of(index) for index in indices))
    return [
        index
        if shape_of(index) == shape
        else call.emit(relax.op.broadcast_to(index, relax.ShapeExpr(shape)))
        for index in indices
    ]


def _linear_index(call: Call, indices: Sequence[Any], extents: Sequence[int]) -> Any:
    """One index tensor into axes that are laid out one behind the other."""
    fronted = [
        _from_front(call, index, extent) for index, extent in zip(indices, extents, strict=True)
    ]
    flat, *rest = _broadcast(call, fronted)
    for index, extent in zip(rest, extents[1:], strict=True):
        scaled = relax.op.multiply(flat, relax.const(extent, "int64"))
        flat = call.emit(relax.op.add(scaled, index))
    return flat


def _refuse_masks(indices: Sequence[Any], what: str) -> None:
    if any(dtype_of(index) == "bool" for index in indices):
        raise InputError(f"{what} depends on the data: the shape is not known before it runs")


def _indexed(given: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """The axes that are indexed, and by what."""
    axes = [axis for axis, index in enumerate(given) if index is not None]
    return axes, [given[axis] for axis in axes]


def _index(call: Call) -> Any:
    """x[i, :, j]: the indexed axes come first, unless they lie side by side."""
    x, given = call.args
    axes, indices = _indexed(given)
    _refuse_masks(indices, "what a mask selects")
    shape = shape_of(x)
    others = [axis for axis in range(len(shape)) if axis not in axes]
    together = axes == list(range(axes[0], axes[-1] + 1))
    place = axes[0] if together else 0
    flat = _linear_index(call, indices, [shape[axis] for axis in axes])
    order = [*others[:place], *axes, *others[place:]]
    if order != list(range(len(shape))):
        x = call.emit(relax.op.permute_dims(x, order))
    if len(axes) > 1:
        merged = [shape[axis] for axis in others]
        merged.insert(place, int(np.prod([shape[axis] for axis in axes])))
        x = call.emit(relax.op.reshape(x, merged))
    return call.emit(relax.op.take(x, flat, axis=place))


def _index_put(call: Call) -> Any:
    """x[i, :, j] = values, or += values; a mask chooses between old and new."""
    x, given, values, accumulate = call.args
    axes, indices = _indexed(given)
    values = call.cast(values, dtype_of(x))
    if any(dtype_of(index) == "bool" for index in indices):
        return _put_by_mask(call, x, axes, indices, values, accumulate)
    shape = shape_of(x)
    others = [axis for axis in range(len(shape)) if axis not in axes]
    order = [*axes, *others]
    front = call.emit(relax.op.permute_dims(x, order)) if order != sorted(order) else x
    fronted = [_from_front(call, i, shape[a]) for i, a in zip(indices, axes, strict=True)]
    full = _broadcast(call, fronted)
    index = call.emit(relax.op.stack(full, axis=-1))
    updates = _as_updates(call, values, shape_of(full[0]), axes, [shape[a] for a in others])
    reduction = "add" if accumulate else "update"
    written = call.emit(relax.op.scatter_nd(front, index, updates, reduction))
    if front is x:
        return written
    return call.emit(relax.op.permute_dims(written, np.argsort(order).tolist()))


def _as_updates(
    call: Call, values: Any, index_shape: tuple[int, ...], axes: list[int], others: list[int]
) -> Any:
    """The values with the indexed axes first, as `scatter_nd` takes them."""
    together = axes == list(range(axes[0], axes[-1] + 1))
    place = axes[0] if together else 0
    shape = [*others[:place], *index_shape, *others[place:]]
    full = call.emit(relax.op.broadcast_to(values, relax.ShapeExpr(shape)))
    if place == 0:
        return full
    inner = list(range(place, place + len(index_shape)))
    order = [*inner, *(axis for axis in range(len(shape)) if axis not in inner)]
    return call.emit(relax.op.permute_dims(full, order))


def _put_by_mask(
    call: Call, x: Any, axes: list[int], masks: list[Any], values: Any, accumulate: bool
) -> Any:
    shape, mask_shape = shape_of(x), shape_of(masks[0])
    one_value = int(np.prod(shape_of(values))) == 1
    if len(masks) > 1 or not one_value:
        raise InputError("writing several values through a mask depends on the data")
    before = axes[0]
    after = len(shape) - before - len(mask_shape)
    mask = call.emit(relax.op.reshape(masks[0], [1] * before + list(mask_shape) + [1] * after))
    value = call.emit(relax.op.reshape(values, [1] * len(shape)))
    new = call.emit(relax.op.add(x, value)) if accumulate else value
    return call.emit(relax.op.where(mask, new, x))


def _slice_scatter(call: Call) -> Any:
    x, source, dim, start, end, step = call.args
    axis = axis_of(dim, len(shape_of(x)))
    written = range(*slice(start, end, step).indices(shape_of(x)[axis]))
    return _overwrite(call, x, source, axis, written)


def _select_scatter(call: Call) -> Any:
    x, source, dim, index = call.args
    axis = axis_of(dim, len(shape_of(x)))
    row = call.emit(relax.op.expand_dims(source, [axis]))
    return _overwrite(call, x, row, axis, range(index % shape_of(x)[axis], shape_of(x)[axis])[:1])


def _overwrite(call: Call, x: Any, source: Any, axis: int, written: range) -> Any:
    """`x` with some places of an axis taken from `source`: a choice, element by element."""
    shape = shape_of(x)
    source = call.cast(source, dtype_of(x))
    if len(written) == shape[axis]:
        return source
    if not written:
        return x
    origin = np.zeros(shape[axis], np.int64)
    origin[list(written)] = np.arange(len(written))
    mask = np.zeros(shape[axis], np.bool_)
    mask[list(written)] = True
    spread = call.emit(relax.op.take(source, constant(origin, "int64"), axis=axis))
    broad = [1] * len(shape)
    broad[axis] = shape[axis]
    return call.emit(relax.op.where(constant(mask.reshape(broad), "bool"), spread, x))


def _windows(call: Call) -> Any:
    """x.unfold: all windows of an axis, the place in the window as last axis."""
    x, dim, size, step = call.args
    rank = len(shape_of(x))
    axis = axis_of(dim, rank)
    starts = np.arange(0, shape_of(x)[axis] - size + 1, step)
    taken = call.emit(
        relax.op.take(x, constant(starts[:, None] + np.arange(size), "int64"), axis=axis)
    )
    order = [a for a in range(rank + 1) if a != axis + 1] + [axis + 1]
    return call.emit(relax.op.permute_dims(taken, order))


def _as_strided(call: Call) -> Any:
    """Places of the memory behind a tensor, which must be laid out row by row."""
    x, size, stride, offset = call.args
    if not call.metas[0].is_contiguous():
        raise InputError("strides of a tensor that is not contiguous")
    places = np.full((), offset or 0)
    for extent, step in zip(size, stride, strict=True):
        places = places[..., None] + np.arange(extent) * step
    flat = call.emit(relax.op.reshape(x, [-1]))
    return call.emit(relax.op.take(flat, constant(places, "int64"), axis=0))


CONVERTERS: dict[str, Converter] = {
    "as_strided.default": _as_strided,
    "unfold.default": _windows,
    "select.int": _select,
    "index.Tensor": _index,
    "index_put.default": _index_put,
    "slice_scatter.default": _slice_scatter,
    "select_scatter.default": _select_scatter,
}
