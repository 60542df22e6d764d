"""Powers with small whole exponents: products."""

from typing import Any

from tvm import tirx

from dgtl_ray.measure.vector_math.lanes import Lanes

_MOST_FACTORS = 4


def whole_exponent(exponent: Any) -> int | None:
    """The exponent where it is a constant from 1 to 4, the same in all lanes; else None."""
    scalar = exponent.value if isinstance(exponent, tirx.Broadcast) else exponent
    value = getattr(scalar, "value", None)
    if isinstance(value, float) and value in range(1, _MOST_FACTORS + 1):
        return int(value)
    return None


def power(x: Any, exponent: int, lanes: Lanes) -> Any:
    """The product of `exponent` factors `x`."""
    x = lanes.name(x)
    square = lanes.name(x * x)
    return (x, square, square * x, square * square)[exponent - 1]
