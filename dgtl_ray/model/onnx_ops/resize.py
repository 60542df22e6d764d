"""Resize and Upsample, with any sizes and all their attributes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import relax

from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.resize_taps import Axis, Taps
from dgtl_ray.model.onnx_ops.table import converts

# From so many inputs of an output on, a product with a matrix is better than gathering them.
_MANY = 4
_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
# What TVM's own operator, whose layout can be converted, computes as ONNX Runtime does.
_NATIVE = {"half_pixel", "asymmetric", "align_corners"}


@converts("Upsample")
def upsample(node: Node) -> Any:
    """Outputs lie at x / scale; the nearest input is the one before."""
    scales = node.attr("scales", None) or node.constant(1, "scales")
    if scales is None:
        raise node.refuse("it has no scales")
    return _resized(node, _axes(node, [float(s) for s in scales], None, old=True))


@converts("Resize")
def resize(node: Node) -> Any:
    """See ONNX's operator: version 10 is as Upsample, later ones have a choice of everything."""
    old = node.opset < 11
    scales = node.constant(1 if old else 2, "scales")
    sizes = None if old else node.constant(3, "sizes")
    some = [float(s) for s in scales] if scales is not None and scales.size else None
    return _resized(node, _axes(node, some, sizes, old=old))


def _resized(node: Node, axes: dict[int, Axis]) -> Any:
    if not all(axis.mode == "nearest" for axis in axes.values()) and "int" in node.dtype():
        raise node.refuse(f"mode {node.attr('mode', '')!r} of {node.dtype()} is not supported")
    x = node.emit(node.inputs[0])
    changed = {k: axis for k, axis in axes.items() if not _keeps(axis)}
    if _is_native(node, changed):
        return _native(node, x, changed)
    outside = node.attr("extrapolation_value", 0.0)
    for k, axis in changed.items():
        taps = axis.taps()
        x = node.emit(_along(node, x, k, taps))
        if taps.outside.any():
            mask = np.expand_dims(taps.outside, list(range(1, len(node.shape()) - k)))
            x = node.emit(relax.op.where(node.const(mask, "bool"), node.const(outside), x))
    return x


def _along(node: Node, x: Any, k: int, taps: Taps) -> Any:
    """The tensor resized along axis `k`."""
    op, dtype = relax.op, node.dtype()
    if taps.weights.shape[1] > _MANY:
        return _by_matrix(node, x, k, taps)
    parts = []
    for indices, weights in zip(taps.indices.T, taps.weights.T, strict=True):
        part = op.take(x, node.const(indices, "int64"), axis=k)
        if not (weights == 1).all():
            wide = np.expand_dims(weights, list(range(1, len(node.shape()) - k)))
            part = op.multiply(part, node.const(wide, dtype))
        parts.append(node.emit(part))
    total = parts[0]
    for part in parts[1:]:
        total = node.emit(op.add(total, part))
    return total


def _by_matrix(node: Node, x: Any, k: int, taps: Taps) -> Any:
    length, rank = node.shape_of(x)[k], len(node.shape())
    matrix = np.zeros((length, len(taps.indices)), np.float32)
    for i, (indices, weights) in enumerate(zip(taps.indices, taps.weights, strict=True)):
        np.add.at(matrix[:, i], indices, weights)
    order = [axis for axis in range(rank) if axis != k] + [k]
    moved = x if k == rank - 1 else node.emit(relax.op.permute_dims(x, order))
    result = node.emit(relax.op.matmul(moved, node.const(matrix)))
    back = [order.index(axis) for axis in range(rank)]
    return result if k == rank - 1 else relax.op.permute_dims(result, back)


def _keeps(axis: Axis) -> bool:
    return (
        axis.size == axis.length
        and axis.scale == 1
        and axis.coordinates not in ("tf_crop_and_resize", "tf_half_pixel_for_nn")
    )


def _is_native(node: Node, changed: dict[int, Axis]) -> bool:
    """Whether TVM's operator for images can do it: whole factors, both axes, no extras."""
    if (
        set(changed) - {2, 3}
        or len(node.shape()) != 4
        or not changed
        or "float" not in node.dtype()
    ):
        return False
    return all(_is_whole(axis) for axis in changed.values())


def _is_whole(axis: Axis) -> bool:
    """Whether an axis grows by a whole factor, in a way that TVM's operator knows."""
    if axis.size % axis.length or axis.size < 2 or axis.scale * axis.length != axis.size:
        return False
    if axis.mode == "nearest":
        return axis.coordinates == "asymmetric" and axis.nearest in ("floor", "simple")
    return axis.mode == "linear" and axis.coordinates in _NATIVE


def _native(node: Node, x: Any, changed: dict[int, Axis]) -> Any:
    one = next(iter(changed.values()))
    shape = node.shape()
    size = [changed[k].size if k in changed else shape[k] for k in (2, 3)]
    return relax.op.image.resize2d(
        x,
        size=relax.ShapeExpr(size),
        layout="NCHW",
        method="nearest_neighbor" if one.mode == "nearest" else "linear",
        coordinate_transformation_mode=one.coordinates,
        rounding_method="floor" if one.mode == "nearest" else "",
    )


def _axes(
    node: Node, scales: Sequence[float] | None, sizes: Any | None, *, old: bool
) -> dict[int, Axis]:
    """The axes that the node names, with the size and scale that each gets."""
    shape = node.shape()
    numbers = [axis % len(shape) for axis in node.attr("axes", list(range(len(shape))))]
    lengths = [shape[axis] for axis in numbers]
    if scales is None and sizes is None:
        raise node.refuse("it has neither scales nor sizes")
    if scales is not None:
        pairs = [
            (int(np.float32(s) * np.float32(n)), s) for s, n in zip(scales, lengths, strict=True)
        ]
    else:
        pairs = _fitted(node, [int(size) for size in sizes], lengths)  # type: ignore[union-attr]
    roi = _roi(node, len(numbers), old=old)
    return {
        axis: _axis(node, shape[axis], size, scale, roi[k], old=old)
        for k, (axis, (size, scale)) in enumerate(zip(numbers, pairs, strict=True))
    }


def _fitted(node: Node, sizes: list[int], lengths: list[int]) -> list[tuple[int, float]]:
    """Sizes and scales by the policy for the ratio of the sides."""
    scales = [size / length for size, length in zip(sizes, lengths, strict=True)]
    policy = node.attr("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return list(zip(sizes, scales, strict=True))
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [(int(np.floor(scale * length + 0.5)), scale) for length in lengths]


def _roi(node: Node, count: int, *, old: bool) -> list[tuple[float, float]]:
    if old or node.attr("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize":
        return [(0.0, 1.0)] * count
    roi = node.constant(1, "regions of interest")
    if roi is None or roi.size != 2 * count:
        raise node.refuse("coordinate_transformation_mode=tf_crop_and_resize needs its roi")
    return [(float(roi[k]), float(roi[count + k])) for k in range(count)]


def _axis(
    node: Node, length: int, size: int, scale: float, roi: tuple[float, float], *, old: bool
) -> Axis:
    mode = node.attr("mode", "nearest")
    coordinates = node.attr("coordinate_transformation_mode", "half_pixel")
    return Axis(
        length=length,
        size=size,
        scale=scale,
        roi=roi,
        mode=_MODES[mode],
        coordinates="asymmetric" if old else coordinates,
        nearest="simple" if old else node.attr("nearest_mode", "round_prefer_floor"),
        cubic=node.attr("cubic_coeff_a", -0.75),
        exclude_outside=bool(node.attr("exclude_outside", 0)),
        antialias=bool(node.attr("antialias", 0)),
    )
