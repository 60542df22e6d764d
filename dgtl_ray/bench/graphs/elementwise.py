"""Operators that compute element by element, with broadcasting."""

from collections.abc import Callable, Mapping
from math import exp, log, sqrt
from typing import Any

import numpy as np

from dgtl_ray.bench.graphs.draft import FLOATS, INTEGERS, Draft, Value

# Operator → the opset that has it, and the range of its results by that of its operand.
_UNARY: Mapping[str, tuple[int, Callable[[float, float], tuple[float, float]]]] = {
    "Sigmoid": (13, lambda _low, _high: (0.0, 1.0)),
    "Tanh": (13, lambda _low, _high: (-1.0, 1.0)),
    "Erf": (13, lambda _low, _high: (-1.0, 1.0)),
    "Sin": (7, lambda _low, _high: (-1.0, 1.0)),
    "Cos": (7, lambda _low, _high: (-1.0, 1.0)),
    "Atan": (7, lambda _low, _high: (-1.6, 1.6)),
    "Softsign": (1, lambda _low, _high: (-1.0, 1.0)),
    "Softplus": (1, lambda _low, high: (0.0, max(high, 0.0) + 0.7)),
    "HardSwish": (14, lambda _low, high: (-0.4, max(high, 0.0))),
    "Mish": (18, lambda _low, high: (-0.4, max(high, 0.0))),
    "Elu": (6, lambda low, high: (max(low, -1.0), high)),
}


def unary(draft: Draft) -> None:
    """A smooth function of any number."""
    operator = draft.choice(list(_UNARY))
    opset, bounds = _UNARY[operator]
    draft.since(opset)
    x = draft.float_value()
    # ONNX Runtime has these in single precision only.
    draft.need(opset != 1 or x.dtype == "float32")
    # Of large numbers in half precision only the sign of rounding would be left.
    draft.need(operator not in ("Sin", "Cos") or x.dtype != "float16")
    low, high = bounds(x.low, x.high)
    draft.add(operator, [x], low=min(low, high), high=high)


def with_range(draft: Draft) -> None:
    """A function that only some numbers have, or that grows fast."""
    operator = draft.choice(["Exp", "Log", "Sqrt", "Reciprocal"])
    if operator == "Exp":
        x = draft.pick(lambda v: v.floats and v.high <= 4.0)
        draft.add(operator, [x], low=exp(max(x.low, -700.0)), high=exp(x.high))
        return
    x = _positive(draft)
    function: Callable[[float], float] = {"Log": log, "Sqrt": sqrt}.get(operator, lambda v: 1 / v)
    bounds = sorted((function(x.low), function(x.high)))
    draft.add(operator, [x], low=bounds[0], high=bounds[1])


def _positive(draft: Draft) -> Value:
    """A value that is positive already, or the absolute value of one and a bit more."""
    found = [v for v in draft.values if v.floats and v.low >= 0.01]
    if found and draft.chance():
        return draft.choice(found)  # type: ignore[no-any-return]
    x = draft.float_value()
    (size,) = draft.add("Abs", [x], low=0.0, high=x.largest, exact=x.exact)
    more = draft.constant(np.array(0.5, x.dtype))
    (result,) = draft.add("Add", [size, more], low=0.5, high=x.largest + 0.5)
    return result


def exact_unary(draft: Draft) -> None:
    """A function that does not round."""
    operator = draft.choice(["Relu", "Abs", "Neg", "Identity", "Dropout"])
    x = draft.pick(lambda v: v.floats or v.dtype in ("int32", "int64", "int8"))
    draft.need(x.floats or operator != "Dropout")
    draft.need(x.floats or draft.opset >= 14 or operator != "Relu")
    low, high = {
        "Relu": (max(x.low, 0.0), max(x.high, 0.0)),
        "Abs": (0.0, x.largest),
        "Neg": (-x.high, -x.low),
    }.get(operator, (x.low, x.high))
    draft.add(operator, [x], low=low, high=high, exact=x.exact)


def parametrised(draft: Draft) -> None:
    """An activation with attributes that are drawn, or left as they are by default."""
    operator = draft.choice(
        ["LeakyRelu", "Elu", "Selu", "HardSigmoid", "Celu", "Gelu", "ThresholdedRelu"]
    )
    draft.since(20 if operator == "Gelu" else 12)
    x = draft.pick(lambda v: v.floats and (v.exact or operator != "ThresholdedRelu"))
    draft.need(x.dtype == "float32" or operator != "Celu")
    attributes: dict[str, Any] = {
        "LeakyRelu": {"alpha": 0.25},
        "Elu": {"alpha": 1.5},
        "Selu": {"alpha": 1.2, "gamma": 0.9},
        "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
        "Celu": {"alpha": 0.7},
        "Gelu": {"approximate": draft.choice(["none", "tanh"])},
        "ThresholdedRelu": {"alpha": 0.4},
    }[operator]
    given = attributes if draft.chance(0.7) else {}
    draft.add(operator, [x], low=-2 * max(x.largest, 1.0), high=2 * max(x.largest, 1.0), **given)


def clip(draft: Draft) -> None:
    """Bounds on one side or both."""
    x = draft.pick(lambda v: v.floats or v.dtype in ("int32", "int64"))
    low = draft.constant(np.array(-0.5 if x.floats else -2, x.dtype)) if draft.chance(0.8) else ""
    high = draft.constant(np.array(0.75 if x.floats else 3, x.dtype))
    draft.add(
        "Clip",
        [x, low, high] if draft.chance(0.8) else [x, low],
        low=x.low,
        high=x.high,
        exact=x.exact,
    )


def stepped(draft: Draft) -> None:
    """A function with steps, of exact numbers."""
    x = draft.pick(lambda v: v.floats and v.exact)
    operator = draft.choice(["Floor", "Ceil", "Round", "Sign"])
    draft.add(operator, [x], low=x.low - 1, high=x.high + 1, exact=True)


def binary(draft: Draft) -> None:
    """Arithmetic with broadcasting, on floats or integers."""
    operator = draft.choice(["Add", "Sub", "Mul", "Max", "Min", "Add", "Mul"])
    x = draft.pick(lambda v: v.floats or v.dtype in ("int32", "int64"))
    y, low, high = other_operand(draft, x)
    corners = {
        "Add": [x.low + low, x.high + high],
        "Sub": [x.low - high, x.high - low],
        "Mul": [x.low * low, x.low * high, x.high * low, x.high * high],
        "Max": [max(x.low, low), max(x.high, high)],
        "Min": [min(x.low, low), min(x.high, high)],
    }[operator]
    operands: list[Value | str] = [x, y] if draft.chance(0.7) else [y, x]
    if operands[0] is y and operator == "Sub":
        corners = [-corner for corner in corners]
    exact = not x.floats or (operator in ("Max", "Min") and _is_exact(x) and _is_exact(y))
    draft.add(operator, operands, low=min(corners), high=max(corners), exact=exact)


def division(draft: Draft) -> None:
    """A quotient whose divisor is away from 0; of integers it is truncated."""
    x = draft.pick(lambda v: v.floats or v.dtype in ("int32", "int64"))
    shape = _broadcast_shape(draft, x)
    if x.floats:
        divisor = draft.numbers(shape, x, 0.5, 2.0) * np.array(draft.choice([1, -1]), x.dtype)
    else:
        divisor = draft.random.integers(1, 5, shape) * draft.choice([1, -1])
    name = draft.constant(np.asarray(divisor, x.dtype))
    bound = 2 * x.largest
    if not x.floats and draft.chance():
        draft.add("Mod", [x, name], low=-5, high=5, exact=True, fmod=draft.choice([None, 1]))
        return
    draft.add("Div", [x, name], low=-bound, high=bound, exact=not x.floats)


def power(draft: Draft) -> None:
    """A small power; a root of what is positive."""
    exponent = draft.choice([2.0, 3.0, 0.5])
    x = draft.pick(lambda v: v.floats and (exponent > 1 or v.low >= 0.01) and v.largest <= 20)
    bound = max(x.largest, 1.0) ** exponent
    dtype = draft.choice([x.dtype, "float32"])
    name = draft.constant(np.array(exponent, dtype))
    draft.add("Pow", [x, name], low=0.0 if exponent != 3.0 else -bound, high=bound)


def prelu(draft: Draft) -> None:
    """A slope for each of the elements that broadcasting tells apart."""
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank >= 1)
    slope = draft.constant(draft.numbers(_broadcast_shape(draft, x), x, 0.1, 0.9))
    draft.add("PRelu", [x, slope], low=min(x.low, 0.0), high=max(x.high, 0.0))


def variadic(draft: Draft) -> None:
    """Several operands at once."""
    operator = draft.choice(["Sum", "Mean", "Max", "Min"])
    x = draft.float_value()
    draft.need(x.dtype == "float32" or operator in ("Max", "Min"))
    others = [other_operand(draft, x) for _ in range(draft.integer(0, 2))]
    bound = x.largest + sum(max(abs(low), abs(high)) for _, low, high in others)
    draft.add(operator, [x, *(name for name, _, _ in others)], low=-bound, high=bound)


def compare(draft: Draft) -> None:
    """Comparisons of exact numbers."""
    operator = draft.choice(["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"])
    x = draft.pick(lambda v: v.exact and v.dtype in ("float32", "int64", "int32"))
    y, _, _ = other_operand(draft, x)
    draft.need(_is_exact(y))
    draft.add(operator, [x, y], low=0.0, high=1.0, exact=True)


def logical(draft: Draft) -> None:
    """Of booleans."""
    x = draft.pick(lambda v: v.dtype == "bool")
    operator = draft.choice(["Not", "And", "Or", "Xor"])
    if operator == "Not":
        draft.add("Not", [x], low=0.0, high=1.0, exact=True)
        return
    y = draft.pick(lambda v: v.dtype == "bool" and _broadcast(x.shape, v.shape))
    draft.add(operator, [x, y], low=0.0, high=1.0, exact=True)


def where(draft: Draft) -> None:
    """A choice by a condition; infinity is one of what masks choose."""
    condition = draft.pick(lambda v: v.dtype == "bool")
    x = draft.pick(lambda v: v.dtype in FLOATS and _broadcast(condition.shape, v.shape))
    y, low, high = other_operand(draft, x)
    operands: list[Value | str] = [x, y] if draft.chance() else [y, x]
    draft.add(
        "Where",
        [condition, *operands],
        low=min(x.low, low),
        high=max(x.high, high),
        exact=_is_exact(x) and _is_exact(y),
    )


def cast(draft: Draft) -> None:
    """To another dtype that holds the numbers; to integers of exact floats only."""
    x = draft.pick(lambda _: True)
    if x.floats:
        options = ["float32", "float16"]
        options += ["int32", "int64", "bool"] if x.exact and x.dtype == "float32" else []
    else:
        options = ["float32", "int32", "int64", *(["int8"] if x.largest < 100 else [])]
    to = draft.choice([dtype for dtype in options if dtype != x.dtype] or ["float32"])
    low, high = (0.0, 1.0) if to == "bool" else (x.low, x.high)
    code = int(_CODES[to])
    exact = x.exact and (to not in FLOATS or x.largest < 100)
    draft.add("Cast", [x], low=low, high=high, exact=exact, to=code)


_CODES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}


def other_operand(draft: Draft, x: Value) -> tuple[Value | str, float, float]:
    """Something to combine with `x`: another value, or a constant; and its range."""
    if draft.chance(0.6):
        found = [v for v in draft.values if v.dtype == x.dtype and _broadcast(x.shape, v.shape)]
        if found:
            y = draft.choice(found)
            return y, y.low, y.high
    shape = _broadcast_shape(draft, x)
    if x.dtype in INTEGERS:
        array = draft.random.integers(-3, 4, shape).astype(x.dtype)
        return draft.constant(np.asarray(array)), -3.0, 3.0
    return draft.constant(draft.numbers(shape, x, -2.0, 2.0)), -2.0, 2.0


def _is_exact(operand: Value | str) -> bool:
    return isinstance(operand, str) or operand.exact


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes go together."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def _broadcast_shape(draft: Draft, x: Value) -> tuple[int, ...]:
    """A shape that broadcasts to that of `x`."""
    kept = x.shape[draft.integer(0, x.rank) :]
    return tuple(1 if draft.chance(0.3) else size for size in kept)
