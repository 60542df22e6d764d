"""Conditions between parameters: as text, read without evaluating anything, or as functions."""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add, eq, floordiv, ge, gt, le, lt, mod, mul, ne, sub, truediv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.space.table_knob import as_column

# Values (n,) of each parameter, as `as_column` makes them.
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
_TEXT = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""


def _extreme(of_parts: Callable[..., Any], of_two: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Python's `min` or `max`: of several values, or of one parameter's parts."""

    def found(*values: Any) -> Any:
        if len(values) > 1:
            return reduce(of_two, values)
        rows = values[0]
        if not (isinstance(rows, np.ndarray) and all(isinstance(row, tuple) for row in rows)):
            raise TypeError("min and max of one value need a parameter whose values are lists")
        return as_column([of_parts(row) for row in rows])

    return found


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": _extreme(min, np.minimum),
    "max": _extreme(max, np.maximum),
}


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A condition between parameters.

    Attributes:
        text: As the user wrote it.
        names: Parameters that it looks at.
        exact: Whether it is asked about values as they were given, instead of numbers as float64.
        holds: Whether it holds (n,), for columns of those, and n.
    """

    text: str
    names: frozenset[str]
    exact: bool
    holds: Callable[[Columns, int], Mask]


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows that a part of a condition is asked about: those at which Python would get to it.

    Attributes:
        columns: Values of each parameter, of all rows.
        where: (n,) which of those are asked about.
        failed: (all rows,) at which Python would have divided by zero; parts add to it.
    """

    columns: Columns
    where: NDArray[np.intp]
    failed: Mask

    def column(self, name: str) -> NDArray[Any]:
        """(n,) values of a parameter."""
        values: NDArray[Any] = self.columns[name][self.where]
        return values

    def mask(self, truth: Any) -> Mask:
        """(n,) what is true of each row, or of all of them at once."""
        told = bool(truth) if isinstance(truth, str) else truth
        return np.broadcast_to(np.asarray(told, dtype=np.bool_), (len(self.where),))

    def of(self, some: NDArray[np.intp]) -> "_Rows":
        """Some of them."""
        return replace(self, where=self.where[some])

    def fail(self, there: Mask) -> None:
        """Python would have raised at these."""
        self.failed[self.where[there]] = True


_Holds = Callable[[_Rows], Mask]
_Value = Callable[[_Rows], Any]


def _by_zero(_: Any, divisor: Any) -> Any:
    return divisor == 0


# Where Python raises a ZeroDivisionError, of both sides.
_UNDEFINED: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Div: _by_zero,
    ast.FloorDiv: _by_zero,
    ast.Mod: _by_zero,
    ast.Pow: lambda base, exponent: (base == 0) & (exponent < 0),
}


def read_restriction(
    condition: str | Callable[[dict[str, Any]], Any], names: Sequence[str]
) -> Restriction:
    """A condition as text in Python's syntax, or a function of one configuration.

    Text may hold parameters, one's part as `tile[0]`, numbers, texts, `+ - * / // % **`, `abs`,
    `min`, `max` (of one parameter: of its parts), comparisons (chained, too), `in`, `not in`,
    `and`, `or`, `not`, parentheses. A name that is no identifier is told as it is: `opt/lr < 0.1`.
    A configuration at which Python would divide by zero is not allowed.

    Raises:
        InputError: Something else is in it, or a name that is no parameter.
    """
    if callable(condition):
        return _of_function(condition, names)
    if len(condition) > _LONGEST:
        raise InputError(f"a restriction has {len(condition)} characters; {_LONGEST} are allowed")
    try:
        tree = _parsed(condition.strip(), names)
        used = _names(tree)
        if unknown := sorted(used - set(names)):
            raise InputError(
                f"restriction {condition!r}: {unknown[0]!r} is no parameter; there are "
                f"{', '.join(names)}"
            )
        holds = _condition(tree)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise InputError(f"cannot read the restriction {condition!r}: {error}. {_HELP}") from error
    return Restriction(text=condition, names=used, exact=False, holds=_judged(holds, condition))


def _parsed(condition: str, names: Sequence[str]) -> ast.expr:
    """The syntax of a condition; names that Python could not read, as `opt/lr`, are one name each.

    Raises:
        SyntaxError: It is none.
    """
    unlike = sorted(filter(_needs_a_placeholder, names), key=len, reverse=True)
    prefix = "_" * (1 + max(map(len, names), default=0))
    real = {f"{prefix}{k}": name for k, name in enumerate(unlike)}
    placeholders = {name: placeholder for placeholder, name in real.items()}
    # Of the texts in it nothing is replaced.
    tokens = "|".join([_TEXT, *(rf"(?<!\w){re.escape(name)}(?!\w)" for name in unlike)])
    readable = re.sub(tokens, lambda found: placeholders.get(found[0], found[0]), condition)
    tree = ast.parse(readable, mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = real.get(node.id, node.id)
    return tree


def _needs_a_placeholder(name: str) -> bool:
    """Whether a parameter's name is no identifier; a number stays one."""
    try:
        float(name)
    except ValueError:
        return not name.isidentifier() and any(map(str.isalpha, name))
    return False


def _names(tree: ast.expr) -> frozenset[str]:
    """The parameters in a condition: a function's name counts as one where it is not called."""
    nodes = list(ast.walk(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return frozenset(
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and not (id(node) in called and node.id in _FUNCTIONS)
    )


def _of_function(function: Callable[[dict[str, Any]], Any], names: Sequence[str]) -> Restriction:
    """A function of a configuration, as Kernel Tuner takes it, asked row by row."""
    label = getattr(function, "__name__", type(function).__name__)

    def allows(config: dict[str, Any]) -> bool:
        try:
            return bool(function(config))
        except Exception as error:  # whatever a user's function raises
            raise InputError(
                f"restriction {label!r} failed for {config!r}: {error!r}. It has to say of every "
                "configuration whether that is allowed"
            ) from error

    def holds(columns: Columns, n: int) -> Mask:
        rows = zip(*(columns[name].tolist() for name in names), strict=True)
        answers = (allows(dict(zip(names, row, strict=True))) for row in rows)
        return np.fromiter(answers, dtype=np.bool_, count=n)

    return Restriction(text=label, names=frozenset(names), exact=True, holds=holds)


def _judged(holds: _Holds, text: str) -> Callable[[Columns, int], Mask]:
    """A division by zero on the way allows nothing; what cannot be compared is told."""

    def judged(columns: Columns, n: int) -> Mask:
        failed = np.zeros(n, dtype=np.bool_)
        rows = _Rows(columns=columns, where=np.arange(n, dtype=np.intp), failed=failed)
        try:
            with np.errstate(all="ignore"):
                found = holds(rows)
        except (TypeError, ValueError, IndexError, ArithmeticError) as error:
            raise InputError(f"restriction {text!r} cannot be judged: {error}") from error
        return found & ~failed

    return judged


def _condition(node: ast.expr) -> _Holds:
    match node:
        case ast.BoolOp(op=op, values=values):
            return _joined([_condition(value) for value in values], every=isinstance(op, ast.And))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _condition(operand)
            return lambda rows: ~inner(rows)
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [left, *rights]
            links = [_link(*link) for link in zip(sides, ops, rights, strict=False)]
            return _joined(links, every=True)
    value = _value(node)
    return lambda rows: rows.mask(value(rows))


def _joined(parts: Sequence[_Holds], *, every: bool) -> _Holds:
    """`and` of every part, or `or`: a row that is decided is not asked about further, as in Python.

    So `y != 0 and x / y > 2` divides by no zero.
    """

    def joined(rows: _Rows) -> Mask:
        result = np.full(len(rows.where), every, dtype=np.bool_)
        for part in parts:
            undecided = np.flatnonzero(result == every)
            if len(undecided):
                result[undecided] = part(rows.of(undecided))
        return result

    return joined if len(parts) > 1 else parts[0]


def _link(left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Holds:
    """One comparison of a chain."""
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(left, right, wanted=isinstance(op, ast.In))
    if type(op) not in _COMPARISONS:
        raise InputError(f"{ast.unparse(right)!r}: `is` compares nothing here. {_HELP}")
    compare, first, second = _COMPARISONS[type(op)], _value(left), _value(right)
    return lambda rows: rows.mask(compare(first(rows), second(rows)))


def _membership(left: ast.expr, right: ast.expr, *, wanted: bool) -> _Holds:
    if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
        raise InputError(f"`in` needs a list like [1, 2], not {ast.unparse(right)}")
    value, options = _value(left), [_value(element) for element in right.elts]

    def member(rows: _Rows) -> Mask:
        there, among = value(rows), [option(rows) for option in options]
        found = np.zeros(len(rows.where), dtype=np.bool_)
        for one in among:
            found |= rows.mask(there == one)
        return found

    return member if wanted else lambda rows: ~member(rows)


def _value(node: ast.expr) -> _Value:
    match node:
        case ast.Name(id=name):
            return lambda rows: rows.column(name)
        case ast.Constant(value=bool() | int() | float() | str() as constant):
            # As the columns are: whole numbers of Python's and NumPy's have other powers.
            told: Any = constant if isinstance(constant, str) else np.float64(constant)
            return lambda _: told
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _value(operand)
            return lambda rows: -inner(rows)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _calculated(op, _value(left), _value(right))
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int() as part)):
            return lambda rows: as_column([value[part] for value in rows.column(name)])
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if (
            function in _FUNCTIONS and args
        ):
            parts = [_value(arg) for arg in args]
            return lambda rows: _FUNCTIONS[function](*(part(rows) for part in parts))
    raise InputError(f"{ast.unparse(node)!r} is no part of a restriction. {_HELP}")


def _calculated(op: ast.operator, first: _Value, second: _Value) -> _Value:
    """A calculation with two values; rows at which Python would divide by zero fail."""
    apply = _ARITHMETIC[type(op)]
    if type(op) not in _UNDEFINED:
        return lambda rows: apply(first(rows), second(rows))
    undefined = _UNDEFINED[type(op)]

    def calculated(rows: _Rows) -> Any:
        left, right = first(rows), second(rows)
        there = rows.mask(undefined(left, right))
        if there.any():
            rows.fail(there)
            # Any numbers do: what comes of them counts no more.
            left, right = np.where(there, 1, left), np.where(there, 1, right)
        return apply(left, right)

    return calculated
