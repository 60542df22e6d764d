"""exp, and the two that are one exponential and a division: the logistic sigmoid and tanh.

With k = round(x / ln 2) and r = x - k ln 2, |r| ≤ ln 2 / 2: exp(x) = 2^k exp(r). ln 2 is
subtracted in two parts (Cody and Waite), the first of so few bits that its product with k is exact.
exp(r) - 1 = r + r² q(r), where q is a minimax polynomial by Remez' algorithm.
"""

from typing import Any

from tvm import tirx

from dgtl_ray.measure.vector_math.lanes import Lanes

_LOG2_E = 1.4426950408889634
_LN_2_HIGH = 0.693359375  # 355 / 512
_LN_2_LOW = -2.1219444005469057e-4
# Relative error of exp(r): 2^-28.2.
_Q_EXP = (
    0.4999999403953552,
    0.166665181517601,
    0.041668422520160675,
    0.008369063958525658,
    0.0013813890982419252,
)
# Relative error of exp(r) - 1: 2^-31.9.
_Q_EXPM1 = (
    0.5,
    0.1666666567325592,
    0.04166635498404503,
    0.008333390578627586,
    0.0013941132929176092,
    0.00019845917995553464,
)
# Below, exp is less than half of the least denormal number; above, it overflows.
_EXP_LOWEST = -104.0
_EXP_HIGHEST = 89.0
# From here on tanh rounds to 1.
_TANH_HIGHEST = 9.1


def exp(x: Any, lanes: Lanes) -> Any:
    """The exponential of `x`."""
    bounded = lanes.name(lanes.clamp(x, _EXP_LOWEST, _EXP_HIGHEST))
    k, r = reduced(bounded, lanes)
    # 2^k may be no float where the result is one: denormal, or just below the greatest.
    half = lanes.name(k >> lanes.integer(1))
    scaled = exp_of_reduced(r, lanes) * lanes.power_of_two(half)
    return lanes.unless_nan(x, scaled * lanes.power_of_two(k - half))


def exp_of_bounded(x: Any, lanes: Lanes) -> Any:
    """The exponential of an `x` between -87 and 88: no NaN, no denormal result."""
    k, r = reduced(x, lanes)
    return exp_of_reduced(r, lanes) * lanes.power_of_two(k)


def sigmoid(x: Any, lanes: Lanes) -> Any:
    """1 / (1 + exp(-x)), from the exponential that does not overflow."""
    x = lanes.name(x)
    e = lanes.name(exp(lanes.name(-lanes.magnitude(x)), lanes))
    one = lanes.constant(1.0)
    return tirx.Select(x < lanes.constant(0.0), e, one) / (one + e)


def tanh(x: Any, lanes: Lanes) -> Any:
    """With m = exp(2 |x|) - 1 it is m / (m + 2), and the sign of `x`."""
    x = lanes.name(x)
    bounded = tirx.min(lanes.magnitude(x), lanes.constant(_TANH_HIGHEST))
    k, r = reduced(lanes.name(bounded * lanes.constant(2.0)), lanes)
    power = lanes.name(lanes.power_of_two(k))
    of_r = r + (r * r) * lanes.polynomial(r, _Q_EXPM1)
    m = lanes.name(power * of_r + (power - lanes.constant(1.0)))
    positive = m / (m + lanes.constant(2.0))
    return lanes.unless_nan(x, lanes.with_sign_of(x, positive))


def reduced(x: Any, lanes: Lanes) -> tuple[Any, Any]:
    """The integer k and the rest r of an `x` of magnitude below 128; both are named."""
    k = lanes.name(lanes.nearest(x * lanes.constant(_LOG2_E)))
    n = lanes.name(lanes.as_float(k))
    high = x - n * lanes.constant(_LN_2_HIGH)
    return k, lanes.name(high - n * lanes.constant(_LN_2_LOW))


def exp_of_reduced(r: Any, lanes: Lanes) -> Any:
    """exp(r) for |r| ≤ ln 2 / 2."""
    return ((r * r) * lanes.polynomial(r, _Q_EXP) + r) + lanes.constant(1.0)
