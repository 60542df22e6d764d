"""The natural logarithm, of which softplus and mish are made.

x = 2^e m with m between √½ and √2, f = m - 1: log(x) = e ln 2 + f - f²/2 + f³ R(f). R is a minimax
polynomial by Remez' algorithm: relative error of log(m) 2^-27.3.
"""

import math
from typing import Any

from tvm import tirx

from dgtl_ray.measure.vector_math.lanes import Lanes

_LEAST_NORMAL = 2.0**-126
_GREATEST = (2.0 - 2.0**-23) * 2.0**127
_SQRT_HALF_BITS = 0x3F3504F3
_MANTISSA_BITS = 23
_LN_2_HIGH = 0.693359375  # 355 / 512
_LN_2_LOW = -2.1219444005469057e-4
_R = (
    0.3333333134651184,
    -0.2500081956386566,
    0.20001228153705597,
    -0.1662335991859436,
    0.14201734960079193,
    -0.13160133361816406,
    0.1276170164346695,
    -0.07634767889976501,
)


def log(x: Any, lanes: Lanes) -> Any:
    """The natural logarithm: -infinity of 0, NaN of what is below."""
    x = lanes.name(x)
    e, m = _split(x, lanes)
    f = lanes.name(m - lanes.constant(1.0))
    square = lanes.name(f * f)
    rest = square * (f * lanes.polynomial(f, _R) - lanes.constant(0.5))
    value = (e * lanes.constant(_LN_2_LOW) + rest + f) + e * lanes.constant(_LN_2_HIGH)
    finite = tirx.Select(x <= lanes.constant(_GREATEST), value, x)
    edge = tirx.Select(
        tirx.EQ(x, lanes.constant(0.0)), lanes.constant(-math.inf), lanes.constant(math.nan)
    )
    return tirx.Select(x > lanes.constant(0.0), finite, edge)


def _split(x: Any, lanes: Lanes) -> tuple[Any, Any]:
    """The exponent e as a float and the m of a positive finite `x`; both are named."""
    denormal = x < lanes.constant(_LEAST_NORMAL)
    normal = tirx.Select(denormal, x * lanes.constant(2.0**_MANTISSA_BITS), x)
    bits = lanes.name(lanes.bits(normal))
    shift = lanes.integer(_MANTISSA_BITS)
    e = lanes.name((bits - lanes.integer(_SQRT_HALF_BITS)) >> shift)
    m = lanes.from_bits(bits - (e << shift))
    scaled = tirx.Select(denormal, e - shift, e)
    return lanes.name(lanes.as_float(scaled)), m
