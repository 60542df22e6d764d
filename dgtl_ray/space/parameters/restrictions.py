"""Conditions between parameters: as text, read without evaluating anything, or as functions."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, eq, floordiv, ge, gt, le, lt, mod, mul, ne, sub, truediv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError

# Values (n,) of each parameter: float64 where they are numbers, so that no product overflows.
Columns = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]

_LONGEST = 2000
_HELP = "Write a condition like: block_x * block_y <= 1024 and tile % 2 == 0"
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
    ast.FloorDiv: floordiv,
    ast.Mod: mod,
    ast.Pow: np.power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: eq,
    ast.NotEq: ne,
    ast.Lt: lt,
    ast.LtE: le,
    ast.Gt: gt,
    ast.GtE: ge,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
}


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A condition between parameters.

    Attributes:
        text: As the user wrote it.
        names: Parameters that it looks at.
        holds: Whether it holds (n,), for columns of those.
    """

    text: str
    names: frozenset[str]
    holds: Callable[[Columns], Mask]


def read_restriction(condition: str | Callable[[dict[str, Any]], Any], names: Sequence[str]) -> Any:
    """A condition as text in Python's syntax, or a function of one configuration.

    Text may hold parameters, one's part as `tile[0]`, numbers, texts, `+ - * / // % **`, `abs`,
    `min`, `max`, comparisons (chained, too), `in`, `not in`, `and`, `or`, `not`, parentheses.

    Returns:
        A `Restriction`.

    Raises:
        InputError: Something else is in it, or a name that is no parameter.
    """
    if callable(condition):
        return _of_function(condition, names)
    if len(condition) > _LONGEST:
        raise InputError(f"a restriction has {len(condition)} characters; {_LONGEST} are allowed")
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(_FUNCTIONS)
        if unknown := sorted(used - set(names)):
            raise InputError(
                f"restriction {condition!r}: {unknown[0]!r} is no parameter; there are "
                f"{', '.join(names)}"
            )
        holds = _condition(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"cannot read the restriction {condition!r}: {error}. {_HELP}") from error
    return Restriction(text=condition, names=frozenset(used), holds=_quiet(holds, condition))


def _of_function(function: Callable[[dict[str, Any]], Any], names: Sequence[str]) -> Restriction:
    """A function of a configuration, as Kernel Tuner takes it, asked row by row."""

    def holds(columns: Columns) -> Mask:
        rows = zip(*(columns[name].tolist() for name in names), strict=True)
        return np.array([bool(function(dict(zip(names, row, strict=True)))) for row in rows])

    label = getattr(function, "__name__", "function")
    return Restriction(text=label, names=frozenset(names), holds=holds)


def _quiet(holds: Callable[[Columns], Any], text: str) -> Callable[[Columns], Mask]:
    """Division by zero gives what compares as false; what cannot be compared is told."""

    def quiet(columns: Columns) -> Mask:
        try:
            with np.errstate(all="ignore"):
                return np.asarray(holds(columns), dtype=np.bool_)
        except (TypeError, IndexError) as error:
            raise InputError(f"restriction {text!r} cannot be judged: {error}") from error

    return quiet


def _condition(node: ast.expr) -> Callable[[Columns], Any]:
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_condition(value) for value in values]
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return lambda columns: reduce(join, [part(columns) for part in parts])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _condition(operand)
            return lambda columns: np.logical_not(inner(columns))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [left, *rights]
            links = [_link(*link) for link in zip(sides, ops, rights, strict=False)]
            return lambda columns: reduce(np.logical_and, [link(columns) for link in links])
    value = _value(node)
    return lambda columns: np.asarray(value(columns)) != 0


def _link(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Callable[[Columns], Any]:
    """One comparison of a chain."""
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(left, right, wanted=isinstance(op, ast.In))
    if type(op) not in _COMPARISONS:
        raise InputError(f"{ast.unparse(right)!r}: `is` compares nothing here. {_HELP}")
    compare, first, second = _COMPARISONS[type(op)], _value(left), _value(right)
    return lambda columns: compare(first(columns), second(columns))


def _membership(left: ast.expr, right: ast.expr, *, wanted: bool) -> Callable[[Columns], Any]:
    if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
        raise InputError(f"`in` needs a list like [1, 2], not {ast.unparse(right)}")
    value, options = _value(left), [_value(element) for element in right.elts]

    def member(columns: Columns) -> Any:
        there = value(columns)
        return reduce(np.logical_or, [there == option(columns) for option in options])

    return member if wanted else lambda columns: np.logical_not(member(columns))


def _value(node: ast.expr) -> Callable[[Columns], Any]:
    match node:
        case ast.Name(id=name):
            return lambda columns: columns[name]
        case ast.Constant(value=bool() | int() | float() | str() as constant):
            return lambda _: constant
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _value(operand)
            return lambda columns: -inner(columns)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            apply, first, second = _ARITHMETIC[type(op)], _value(left), _value(right)
            return lambda columns: apply(first(columns), second(columns))
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int() as part)):
            return lambda columns: np.array([value[part] for value in columns[name]], dtype=float)
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if (
            function in _FUNCTIONS and args
        ):
            parts = [_value(arg) for arg in args]
            return lambda columns: _FUNCTIONS[function](*(part(columns) for part in parts))
    raise InputError(f"{ast.unparse(node)!r} is no part of a restriction. {_HELP}")
