"""How far float32 results lie from exact ones, in units in the last place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.special
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]

# In float64, each within a unit in its last place.
EXACT: dict[str, Callable[[Doubles], Doubles]] = {
    "exp": np.exp,
    "erf": scipy.special.erf,
    "tanh": np.tanh,
    "sigmoid": scipy.special.expit,
    "log": np.log,
}
_LEAST_EXPONENT = -126
_MANTISSA_BITS = 23
_FLOATS = 1 << 32


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The largest error that was found, and where."""

    ulp: float
    x: float


def floats(first: int, count: int, step: int) -> Floats:
    """Every `step`-th float32 by its bits, NaN among them, `count` from the bits `first` on."""
    bits = first + np.arange(count, dtype=np.uint64) * np.uint64(step)
    return (bits % _FLOATS).astype(np.uint32).view(np.float32)


def worst(name: str, x: Floats, found: Floats) -> Worst:
    """The largest error of a function's results.

    Args:
        name: One of `EXACT`.
        x: Arguments.
        found: Results; an infinity or a NaN that is wrong, or lacks, is an error without bound.
    """
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
        errors = _errors(found, exact)
    at = int(errors.argmax())
    return Worst(ulp=float(errors[at]), x=float(x[at]))


def _errors(found: Floats, exact: Doubles) -> Doubles:
    rounded = exact.astype(np.float32)
    special = ~(np.isfinite(rounded) & np.isfinite(found))
    same = (rounded == found) | (np.isnan(rounded) & np.isnan(found))
    errors: Doubles = np.abs(found.astype(np.float64) - exact) / _unit(rounded)
    errors[special] = np.where(same[special], 0.0, np.inf)
    return errors


def _unit(value: Floats) -> Any:
    """The distance of a float32 to the next one away from zero; of denormal numbers 2^-149."""
    _, exponent = np.frexp(value)
    return np.ldexp(1.0, np.maximum(exponent - 1, _LEAST_EXPONENT) - _MANTISSA_BITS)
