"""Which rows a user wants: a condition as text, read without evaluating anything."""

import ast
from collections.abc import Callable
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.operand import Operand

_Compare = Callable[[Any, Any], Any]
_COMPARISONS: dict[type[ast.cmpop], _Compare] = {
    ast.Eq: eq,
    ast.NotEq: ne,
    ast.Lt: lt,
    ast.LtE: le,
    ast.Gt: gt,
    ast.GtE: ge,
}
# The same comparison with its sides exchanged.
_MIRRORED: dict[_Compare, _Compare] = {eq: eq, ne: ne, lt: gt, le: ge, gt: lt, ge: le}
_LONGEST = 2000
_HELP = "Write a condition like: operator == 'conv2d' and cost_s < 0.01"


def parse_filter(text: str) -> Any:
    """An Arrow expression from a condition in Python's syntax.

    It may use columns, `device.cores`, `toolchain['tvm']`, `metrics['gflops']`, strings, numbers,
    None, `==`, `!=`, `<`, `<=`, `>`, `>=` (chained too), `in`, `not in`, `is None`, `is not None`,
    `and`, `or`, `not` and parentheses. As in SQL, null compares as neither true nor false. A time
    is a string in ISO 8601.

    Raises:
        InputError: Something else is in it, or a column that does not exist.
    """
    if len(text) > _LONGEST:
        raise InputError(f"the filter has {len(text)} characters; at most {_LONGEST} are allowed")
    try:
        return _condition(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"cannot read the filter {text!r}: {error}. {_HELP}") from error


def _condition(node: ast.expr) -> Any:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return reduce(and_, map(_condition, values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return reduce(or_, map(_condition, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ~_condition(operand)
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [left, *rights]
            links = zip(sides, ops, rights, strict=False)
            return reduce(and_, (_link(*link) for link in links))
    raise InputError(f"{ast.unparse(node)!r} is no condition. {_HELP}")


def _link(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
    """One comparison of a chain."""
    if isinstance(op, ast.In | ast.NotIn):
        inside = _operand(left).one_of(_literals(right))
        return inside if isinstance(op, ast.In) else ~inside
    if isinstance(op, ast.Is | ast.IsNot):
        return _null_test(left, op, right)
    compare = _COMPARISONS[type(op)]
    if _is_literal(left):
        left, right, compare = right, left, _MIRRORED[compare]
    operand = _operand(left)
    other = operand.literal(_literal(right)) if _is_literal(right) else _operand(right).expression
    return compare(operand.expression, other)


def _null_test(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
    if not (isinstance(right, ast.Constant) and right.value is None):
        raise InputError(f"`is` compares with None only, not with {ast.unparse(right)}. {_HELP}")
    is_null = _operand(left).expression.is_null()
    return is_null if isinstance(op, ast.Is) else ~is_null


def _operand(node: ast.expr) -> Operand:
    match node:
        case ast.Name(id=column):
            return Operand(column)
        case ast.Attribute(value=ast.Name(id=column), attr=field):
            return Operand(column, field=field)
        case ast.Subscript(value=ast.Name(id=column), slice=ast.Constant(value=str() as key)):
            return Operand(column, key=key)
    raise InputError(f"{ast.unparse(node)!r} is no column. {_HELP}")


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.UnaryOp)


def _literals(node: ast.expr) -> list[Any]:
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        raise InputError(f"`in` needs a list like ['a', 'b'], not {ast.unparse(node)}")
    return [_literal(element) for element in node.elts]


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None):
            raise InputError(f"nothing equals None: write `is None` or `is not None`. {_HELP}")
        case ast.Constant(value=str() | int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    raise InputError(f"{ast.unparse(node)!r} is neither text nor number. {_HELP}")
