"""Resizing along one axis as weighted inputs: which, and how much of each, for every output.

The formulas are those of ONNX's operator `Resize`, computed in float32 as ONNX Runtime does: where
an output lies just between two inputs, rounding decides which is the nearest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Taps:
    """Output i is Σₖ weights[i, k] · input[indices[i, k]].

    Attributes:
        outside: Outputs that lie beyond the input, by `tf_crop_and_resize`.
    """

    indices: NDArray[np.int64]
    weights: Floats
    outside: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis that is resized, and how."""

    length: int
    size: int
    scale: float
    roi: tuple[float, float]
    mode: str
    coordinates: str
    nearest: str
    cubic: float
    exclude_outside: bool
    antialias: bool

    def taps(self) -> Taps:
        """The inputs of every output."""
        at = _positions(self)
        outside = np.zeros(self.size, bool)
        if self.coordinates == "tf_crop_and_resize":
            outside = (at < 0) | (at > self.length - 1)
        if self.mode == "nearest":
            indices = _nearest(self, at)[:, None]
            return Taps(indices=indices, weights=np.ones_like(at)[:, None], outside=outside)
        indices, weights = _filtered(self, at) if self._shrinks else _interpolated(self, at)
        return Taps(
            indices=indices.astype(np.int64), weights=weights.astype(np.float32), outside=outside
        )

    @property
    def _shrinks(self) -> bool:
        return self.antialias and self.scale < 1


def _positions(axis: Axis) -> Floats:
    """Where each output lies among the inputs."""
    x = np.arange(axis.size, dtype=np.float32)
    scale, half = np.float32(axis.scale), np.float32(0.5)
    last = np.float32(axis.length - 1)
    kind = axis.coordinates
    if kind in ("asymmetric", "tf_half_pixel_for_nn"):
        return (x if kind == "asymmetric" else x + half) / scale
    if kind == "align_corners":
        return x * last / np.float32(max(axis.size - 1, 1))
    if kind == "tf_crop_and_resize":
        start, end = (np.float32(side) for side in axis.roi)
        if axis.size == 1:
            return np.full_like(x, half * (start + end) * last)
        return start * last + x * (end - start) * last / np.float32(axis.size - 1)
    if kind == "pytorch_half_pixel" and axis.size == 1:
        return np.zeros_like(x)
    at = (x + half) / scale - half
    if kind == "half_pixel_symmetric":
        wanted = np.float32(axis.size) / (scale * np.float32(axis.length))
        at = at + np.float32(axis.length) / 2 * (1 - wanted)
    return at


def _nearest(axis: Axis, at: Floats) -> NDArray[np.int64]:
    floor, half = np.floor(at), np.float32(0.5)
    rounded = {
        "floor": floor,
        "ceil": np.ceil(at),
        "round_prefer_floor": np.where(at - floor == half, floor, np.round(at)),
        "round_prefer_ceil": np.floor(at + half),
        # What was before there was a choice.
        "simple": np.ceil(at) if axis.scale < 1 else np.trunc(at),
    }[axis.nearest]
    return np.asarray(np.clip(rounded, 0, axis.length - 1), np.int64)


def _interpolated(axis: Axis, at: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    if axis.mode == "linear":
        at = np.clip(at, 0, axis.length - 1)
    floor = np.floor(at)
    off = (at - floor)[:, None]
    reach = np.array([0, 1]) if axis.mode == "linear" else np.arange(-1, 3)
    weights = _kernel(axis, reach - off)
    return _within(axis, floor[:, None] + reach, weights)


def _filtered(axis: Axis, at: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    """As wide as what becomes one output."""
    support = (1 if axis.mode == "linear" else 2) / axis.scale
    center = at[:, None] + 0.5
    first = np.floor(center - support + 0.5)
    reach = np.arange(int(np.ceil(2 * support)) + 2)
    indices = first + reach
    inside = indices < np.floor(center + support + 0.5)
    weights = np.where(inside, _kernel(axis, (indices - center + 0.5) * axis.scale), 0)
    weights = weights / weights.sum(1, keepdims=True)
    return _within(axis, indices, weights)


def _kernel(axis: Axis, off: NDArray[Any]) -> NDArray[Any]:
    """The weight of an input by its distance; cubic by Keys, 1981."""
    d, a = np.abs(off), axis.cubic
    if axis.mode == "linear":
        return np.asarray(np.clip(1 - d, 0, None))
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.asarray(np.where(d <= 1, near, np.where(d < 2, far, 0)))


def _within(
    axis: Axis, indices: NDArray[Any], weights: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs beyond the edge are left out, or those at the edge taken for them."""
    if axis.exclude_outside:
        weights = np.where((indices >= 0) & (indices < axis.length), weights, 0)
        weights = weights / weights.sum(1, keepdims=True)
    used = np.abs(weights).max(0) > 0
    return np.clip(indices[:, used], 0, axis.length - 1), weights[:, used]
