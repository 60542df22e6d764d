"""Measurements to Arrow tables, and back."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.history.schema import SCHEMA

_FIELDS = tuple(field.name for field in fields(Measurement))
_DEVICE_FIELDS = frozenset(field.name for field in SCHEMA.field("device").type)

# How a column's values become a Measurement's; columns that are not named need no change.
_FROM_ARROW: dict[str, Callable[[Any], Any]] = {
    "arg_shapes": lambda shapes: tuple(tuple(shape) for shape in shapes),
    "arg_dtypes": tuple,
    "device": MappingProxyType,
    "toolchain": lambda pairs: MappingProxyType(dict(pairs)),
    "encoding": tuple,
    "repeats_s": tuple,
    "status": Status,
    "stage": Stage,
    "timed_in": lambda place: None if place is None else TimedIn(place),
    "metrics": lambda pairs: None if pairs is None else MappingProxyType(dict(pairs)),
    "created_at": lambda moment: moment.replace(tzinfo=UTC),
}


def to_table(rows: Sequence[Measurement]) -> Any:
    """Measurements as a `pyarrow.Table` with the history's schema.

    Raises:
        InputError: A value that its column cannot hold.
    """
    for row in rows:
        _require_storable(row)
    return pa.Table.from_arrays([_column(field, rows) for field in SCHEMA], schema=SCHEMA)


def to_measurements(table: Any) -> list[Measurement]:
    """The rows of a table that has all columns."""
    values = {name: _values(table, name) for name in _FIELDS}
    return [
        Measurement(**dict(zip(values, row, strict=True)))
        for row in zip(*values.values(), strict=True)
    ]


def _column(field: Any, rows: Sequence[Measurement]) -> Any:
    values = [getattr(row, field.name) for row in rows]
    if field.name in ("toolchain", "metrics"):
        values = [None if pairs is None else list(pairs.items()) for pairs in values]
    elif field.name == "device":
        values = [dict(device) for device in values]
    try:
        column: Any = pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise InputError(f"measurement column {field.name} cannot hold a value: {error}") from error
    if column.null_count and not field.nullable:
        raise InputError(f"measurement column {field.name} has no value in one of the rows")
    return column


def _values(table: Any, name: str) -> list[Any]:
    values = table.column(name).to_pylist()
    convert = _FROM_ARROW.get(name)
    return values if convert is None else [convert(value) for value in values]


def _require_storable(row: Measurement) -> None:
    """Refuse what Arrow would store as something else without a word."""
    if row.device.keys() != _DEVICE_FIELDS:
        raise InputError(
            f"device of measurement {row.measurement_id} has the fields {sorted(row.device)};"
            f" history keeps {sorted(_DEVICE_FIELDS)}"
        )
    if row.created_at.tzinfo is None:
        raise InputError(
            f"created_at of measurement {row.measurement_id} is {row.created_at} without a time"
            " zone; give one"
        )
