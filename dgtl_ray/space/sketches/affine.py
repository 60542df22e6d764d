"""Reads index expressions of TVM's TIR as integer coefficients."""

from collections import Counter
from typing import Any

import tvm
from tvm import tirx

Coefficients = Counter[str]


def coefficients(index: Any) -> Coefficients:
    """What one step of each variable, by name, adds to an index expression.

    Exact for affine indices. A remainder counts as what it is taken of, and a quotient as at
    least one: footprints counted with them are upper bounds, cut at the size of the buffer.
    """
    match index:
        case tirx.Var():
            return Counter({index.name: 1})
        case tirx.Add() | tirx.Sub():
            sign = 1 if isinstance(index, tirx.Add) else -1
            return _sum(coefficients(index.a), coefficients(index.b), sign)
        case (
            tirx.Mul(a=factor, b=tirx.IntImm() as scale)
            | tirx.Mul(a=tirx.IntImm() as scale, b=factor)
        ):
            return _scaled(coefficients(factor), int(scale))
        case tirx.FloorMod():
            return coefficients(index.a)
        case tirx.FloorDiv(b=tirx.IntImm()):
            return _quotient(coefficients(index.a), int(index.b))
        case _:
            return Counter(dict.fromkeys(_variables(index), 1))


def _sum(a: Coefficients, b: Coefficients, sign: int) -> Coefficients:
    return Counter({name: a[name] + sign * b[name] for name in a.keys() | b.keys()})


def _quotient(a: Coefficients, divisor: int) -> Coefficients:
    return Counter({name: max(1, abs(c) // divisor) for name, c in a.items()})


def _scaled(a: Coefficients, factor: int) -> Coefficients:
    return Counter({name: factor * c for name, c in a.items()})


def _variables(expression: Any) -> list[str]:
    """Names of the variables of an expression that is not affine."""
    names: list[str] = []
    for field in ("a", "b", "value", "condition", "true_value", "false_value"):
        child = getattr(expression, field, None)
        if isinstance(child, tirx.Var):
            names.append(child.name)
        elif isinstance(child, tvm.ir.Expr):
            names.extend(_variables(child))
    return names
