"""Whether two arrays of answers are the same, as far as their numbers can tell.

The one rule by which a network's answers are judged, on import and when it is tuned. An element y
is right beside its reference r where

    |y − r| ≤ absolute + relative · max(|r|, s) + floor · m

with s the scale of what lies around r: a part of an output that is a thousand times smaller than
the rest is judged by its own size. s is the smallest median |r| of windows of up to eight elements
to either side, along each axis that is long enough to have windows. m is the largest |r|, but no
more than a thousand times the lower quartile of those that are not zero: a mask's -1e9 among logits
is no scale of theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_WINDOW = 8
# Below this length an axis has no windows of four that say anything of scale.
_SHORTEST = 8
# How far the scale of a whole output may be above that of its smaller values.
_SPREAD = 1e3
# What a value of this size is off by is nobody's fault: it has left every format's normal numbers.
_NOTHING = 1e-30


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far answers may be off.

    Attributes:
        relative: Of an element, or of the scale of what lies around it.
        floor: Of the scale of the whole output: a value that cancels to nearly zero keeps the
            rounding errors of what it was made from.
        absolute: In the output's own unit: one step of an output that is quantised.
    """

    relative: float
    floor: float
    absolute: float = 0.0


EXACT = Tolerance(relative=0.0, floor=0.0)
# Relative: what a network of some fifty layers may add up to; formats have 53, 24, 11, 8 bits.
_TOLERANCES: Mapping[str, Tolerance] = {
    "float64": Tolerance(relative=1e-6, floor=1e-9),
    "float32": Tolerance(relative=1e-3, floor=1e-5),
    "float16": Tolerance(relative=2e-2, floor=2e-3),
    "bfloat16": Tolerance(relative=8e-2, floor=1e-2),
}
_COARSEST_FIRST = ("bfloat16", "float16", "float32", "float64")


def coarsest(dtypes: Iterable[str]) -> str:
    """The float format with the fewest bits among `dtypes`; float64 where none is a float."""
    found = set(dtypes)
    return next((name for name in _COARSEST_FIRST if name in found), "float64")


def tolerance_of(dtype: str, precision: str = "float64", step: float = 0.0) -> Tolerance:
    """What is allowed of an output.

    Args:
        dtype: The output's. Integers and booleans match exactly.
        precision: The coarsest float format that it was computed in.
        step: The step to which it was rounded on the way, in its own unit, 0 where it was not.
    """
    if not is_float(dtype):
        return replace(EXACT, absolute=step)
    return replace(_TOLERANCES[coarsest([dtype, precision])], absolute=step)


def is_float(dtype: str) -> bool:
    """Whether a dtype's name is that of a float format."""
    return "float" in dtype


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """How far one array is from its reference.

    Attributes:
        error: max|y − r| ÷ max|r| over what is finite in both; infinite where only one is finite,
            or where the shapes differ.
        excess: The largest |y − r| as a multiple of what is allowed there.
        worst: The element where that is, in words; or how the shapes differ.
    """

    error: float
    excess: float
    worst: str = ""

    @property
    def ok(self) -> bool:
        """Whether the answers are right."""
        return self.excess <= 1.0


def compare(found: Array, expected: Array, tolerance: Tolerance) -> Closeness:
    """Judge one output; equal infinities match, and NaN matches NaN."""
    if found.shape != expected.shape:
        worst = f"has shape {list(found.shape)} instead of {list(expected.shape)}"
        return Closeness(error=float("inf"), excess=float("inf"), worst=worst)
    if found.size == 0:
        return Closeness(error=0.0, excess=0.0)
    y, r = np.atleast_1d(_wide(found)), np.atleast_1d(_wide(expected))
    same = (y == r) | (np.isnan(y) & np.isnan(r))
    if same.all():
        return Closeness(error=0.0, excess=0.0)
    difference = _difference(y, r, same)
    magnitude = np.where(np.isfinite(r), np.abs(r), 0.0)
    largest = float(magnitude.max())
    with np.errstate(divide="ignore", over="ignore"):
        excess = _excess(difference, magnitude, largest, tolerance)
        error = float(np.divide(difference.max(), largest))
    at = tuple(int(k) for k in np.unravel_index(int(excess.argmax()), excess.shape))
    return Closeness(
        error=error,
        excess=float(excess[at]),
        worst=f"is {y[at]:.6g} instead of {r[at]:.6g} at {list(at)}",
    )


def _wide(array: Array) -> Array:
    """Floats, and integers that float64 holds exactly, as float64; wider integers as they are."""
    return array if array.dtype.kind in "iu" and array.itemsize > 4 else array.astype(np.float64)


def _difference(y: Array, r: Array, same: Array) -> Array:
    """|y − r|, zero where they are the same, infinite where one is finite and the other not."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.asarray(np.abs(y.astype(np.float64) - r.astype(np.float64)))
    difference[~same & (difference == 0)] = 1.0  # integers beyond float64's exact ones
    difference[same] = 0.0
    difference[np.isnan(difference)] = np.inf
    return difference


def _excess(difference: Array, magnitude: Array, largest: float, tolerance: Tolerance) -> Array:
    """Differences as multiples of what is allowed; from above where they are no more than that."""
    allowed = np.full(difference.shape, tolerance.absolute)
    if largest and tolerance.relative:
        share = magnitude / largest
        allowed += largest * (tolerance.floor * _overall(share) + tolerance.relative * share)
        # Few need their surroundings looked at.
        at = np.nonzero(difference > allowed)
        around = np.maximum(_local(share, at) - share[at], 0.0)
        allowed[at] += largest * tolerance.relative * around
    excess: Array = difference / np.maximum(allowed, _NOTHING)
    return excess


def _overall(share: Array) -> float:
    """The scale of an output as a share of its largest value."""
    return min(1.0, _SPREAD * float(np.quantile(share[share > 0], 0.25)))


def _local(share: Array, at: tuple[Array, ...]) -> Array:
    """The scale of what lies around some elements; their own size in the smallest arrays."""
    scales = [
        _along(share, axis, at) for axis, length in enumerate(share.shape) if length >= _SHORTEST
    ]
    return np.minimum.reduce(scales) if scales else share[at]


def _along(share: Array, axis: int, at: tuple[Array, ...]) -> Array:
    """The smaller median of the windows that end and that begin at each of some elements.

    An element at an edge has one of them only.
    """
    length = share.shape[axis]
    window = min(_WINDOW, length // 2)
    windows = np.lib.stride_tricks.sliding_window_view(np.moveaxis(share, axis, -1), window, -1)
    others = tuple(index for k, index in enumerate(at) if k != axis)
    first, last = at[axis] - (window - 1), length - window
    ends = np.median(windows[(*others, np.maximum(first, 0))], axis=-1)
    begins = np.median(windows[(*others, np.minimum(at[axis], last))], axis=-1)
    return np.minimum(np.where(first < 0, np.inf, ends), np.where(at[axis] > last, np.inf, begins))
