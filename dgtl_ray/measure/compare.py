"""How far two arrays are apart."""

import numpy as np
from numpy.typing import NDArray


def relative_error(
    found: NDArray[np.generic], expected: NDArray[np.generic], *, strays: int = 0
) -> float:
    """The largest relative error of `found` (any shape, both the same).

    An element's error is measured against its own magnitude or the root mean square of all,
    whichever is larger: a sum that happens to cancel to nearly zero is no error. Infinite where one
    is not a number or infinite and the other is not the same. The `strays` elements that are
    furthest off are not looked at.
    """
    a, b = found.astype(np.float64), expected.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    a, b = a[~same], b[~same]
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    finite = expected[np.isfinite(expected)].astype(np.float64)
    typical = float(np.sqrt(np.mean(finite**2))) if finite.size else 0.0
    scale = np.maximum(np.abs(b), typical)
    with np.errstate(divide="ignore"):
        errors = np.sort(np.abs(a - b) / scale)
    return float(errors[-1 - strays]) if strays < len(errors) else 0.0
