"""Which rows a program wants, as an Arrow expression."""

from collections.abc import Collection
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

import pyarrow.compute as pc

from dgtl_ray.history.operand import Operand

Value = str | int | float | datetime


def row_filter(**wanted: Value | Collection[Value]) -> Any:
    """An expression for rows whose columns have the values given.

    A collection admits any of its values: `row_filter(network="vgg16", run_id=["a", "b"])`.

    Args:
        **wanted: A value, or a collection of values, by the name of the column.

    Raises:
        InputError: There is no such column, or it never holds the value.
    """
    return reduce(and_, (_term(name, value) for name, value in wanted.items()), pc.scalar(True))


def _term(column: str, value: Value | Collection[Value]) -> Any:
    operand = Operand(column)
    if isinstance(value, str | int | float | datetime):
        return operand.expression == operand.literal(value)
    return operand.one_of(value)
