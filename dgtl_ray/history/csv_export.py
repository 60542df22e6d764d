"""Copies a history to one CSV file."""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from dgtl_ray.history.exported import Exported, paths_of
from dgtl_ray.history.new_places import new_file, whole_file
from dgtl_ray.history.plain_rows import PlainRows, write_rows
from dgtl_ray.history.schema import SCHEMA


def export_csv(uri: str, file: str, where: str | None = None) -> Exported:
    """Write the rows that a condition admits to a new file, whole or not at all.

    Columns are the history's; lists, maps and the device are JSON, which has null for a number that
    is not finite.

    Args:
        uri: Of the history.
        file: A new file.
        where: Which rows, as a condition; None for all.

    Raises:
        InputError: No such history, a bad condition, no row that it admits, the file exists, or it
            cannot be written.
    """
    target = new_file(file)
    rows = write_rows(uri, where, lambda rows: _write(rows, target))
    return Exported(out=file, count=rows.count, skipped=paths_of(rows.skipped))


def _write(rows: PlainRows, target: Path) -> None:
    schema = _plain(SCHEMA.empty_table()).schema
    with whole_file(target) as hidden, pa_csv.CSVWriter(hidden, schema) as writer:
        for table in rows.tables():
            writer.write_table(_plain(table))


def _plain(table: Any) -> Any:
    """The same with text where a column holds more than one value."""
    for place, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            maps = pa.types.is_map(field.type)
            values = [
                None if value is None else _json(dict(value) if maps else value)
                for value in table.column(place).to_pylist()
            ]
            table = table.set_column(place, field.name, pa.array(values, pa.string()))
        elif pa.types.is_timestamp(field.type):
            texts = [_iso(value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:  # rare, and looking through every encoding is slow
        return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    """The same with None for each number that is not finite, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=None).isoformat() + "Z"
