"""The error function, of which exact GELU is made.

Below 0.85: x + x P(x²). Above: 1 - exp(-G(x)), where G approximates -log(erfc(x)), up to where the
result rounds to 1. P and G are minimax polynomials by Remez' algorithm, for the relative error of
the result: 2^-27.3 and 2^-28.8.
"""

from typing import Any

from tvm import tirx

from dgtl_ray.measure.vector_math.exponential import exp_of_bounded
from dgtl_ray.measure.vector_math.lanes import Lanes

_BORDER = 0.85
_HIGHEST = 3.93
_P = (
    0.12837916612625122,
    -0.3761257529258728,
    0.11282770335674286,
    -0.026804570108652115,
    0.0050542703829705715,
    -0.0006332610500976443,
)
_G = (
    0.00010453532740939409,
    1.1280609369277954,
    0.6365190148353577,
    0.10452583432197571,
    -0.022519001737236977,
    0.003117839340120554,
    -0.00020367506658658385,
)


def erf(x: Any, lanes: Lanes) -> Any:
    """2 / √π times the integral of exp(-t²) from 0 to `x`."""
    x = lanes.name(x)
    a = lanes.name(tirx.min(lanes.magnitude(x), lanes.constant(_HIGHEST)))
    below = a * lanes.polynomial(lanes.name(a * a), _P) + a
    exponent = lanes.name(-lanes.polynomial(a, _G))
    above = lanes.constant(1.0) - exp_of_bounded(exponent, lanes)
    positive = tirx.Select(a < lanes.constant(_BORDER), below, above)
    return lanes.unless_nan(x, lanes.with_sign_of(x, positive))
