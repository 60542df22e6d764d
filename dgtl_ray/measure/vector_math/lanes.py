"""Straight-line float32 arithmetic on expressions of any number of lanes."""

from collections.abc import Sequence
from typing import Any

from tvm import tirx

_SIGN_BIT = -(1 << 31)
# Added to a float of magnitude below 2^22, it leaves the nearest integer in the low mantissa bits.
_ROUNDER = float(3 << 22)
_ROUNDER_BITS = 0x4B400000
_INFINITY_BITS = 0x7F800000
_EXPONENT_SHIFT = 23
_EXPONENT_BIAS = 127


class Lanes:
    """Builds one expression of `lanes` float32 values out of named intermediate results."""

    def __init__(self, lanes: int) -> None:
        suffix = f"x{lanes}" if lanes > 1 else ""
        self._float = f"float32{suffix}"
        self._int = f"int32{suffix}"
        self._bindings: list[tuple[Any, Any]] = []

    def name(self, value: Any) -> Any:
        """A variable for a value that is used more than once: it is computed once."""
        variable = tirx.Var(f"t{len(self._bindings)}", value.ty)
        self._bindings.append((variable, value))
        return variable

    def result(self, value: Any) -> Any:
        """The expression of `value`, with all that was named before it."""
        for variable, bound in reversed(self._bindings):
            value = tirx.Let(variable, bound, value)
        return value

    def constant(self, value: float) -> Any:
        """A float in all lanes."""
        return tirx.const(value, self._float)

    def integer(self, value: int) -> Any:
        """An integer in all lanes."""
        return tirx.const(value, self._int)

    def bits(self, value: Any) -> Any:
        """The bits of floats as integers."""
        return tirx.reinterpret(self._int, value)

    def from_bits(self, value: Any) -> Any:
        """The floats of such bits."""
        return tirx.reinterpret(self._float, value)

    def as_float(self, value: Any) -> Any:
        """Integers as floats of the same value."""
        return tirx.Cast(self._float, value)

    def polynomial(self, x: Any, coefficients: Sequence[float]) -> Any:
        """Horner's rule; the coefficient of the lowest power comes first."""
        value = self.constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            value = value * x + self.constant(coefficient)
        return value

    def clamp(self, x: Any, low: float, high: float) -> Any:
        """What lies between two bounds; anything between them for NaN."""
        return tirx.max(tirx.min(x, self.constant(high)), self.constant(low))

    def nearest(self, x: Any) -> Any:
        """The nearest integers, for magnitudes below 2^22.

        Taken from the bits: whoever reorders float operations may drop `(x + c) - c`.
        """
        return self.bits(x + self.constant(_ROUNDER)) - self.integer(_ROUNDER_BITS)

    def power_of_two(self, exponent: Any) -> Any:
        """2 to an integer from -126 to 127."""
        biased = exponent + self.integer(_EXPONENT_BIAS)
        return self.from_bits(biased << self.integer(_EXPONENT_SHIFT))

    def magnitude(self, x: Any) -> Any:
        """The absolute value."""
        return self.from_bits(self.bits(x) & self.integer(~_SIGN_BIT))

    def with_sign_of(self, x: Any, magnitude: Any) -> Any:
        """`magnitude`, which is not negative, with the sign of `x`: -0 where `x` is."""
        return self.from_bits(self.bits(magnitude) | (self.bits(x) & self.integer(_SIGN_BIT)))

    def unless_nan(self, x: Any, value: Any) -> Any:
        """`value`, but NaN where `x` is: told by its bits, whatever the compiler assumes."""
        magnitude = self.bits(x) & self.integer(~_SIGN_BIT)
        return tirx.Select(magnitude > self.integer(_INFINITY_BITS), x, value)
