"""Copies a history to one CSV file."""

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.store import ParquetHistory

_ROWS_AT_ONCE = 65_536


def export_csv(uri: str, file: str, where: str | None = None) -> int:
    """Write the rows that a condition admits to a new file; how many there are.

    Columns are the history's; lists, maps and the device are JSON. It appears whole or not at all.

    Raises:
        InputError: No such history, the file exists, or it cannot be written.
    """
    history = ParquetHistory(uri)
    history.require_rows()
    table = history.scan(where=where).sort_by("measurement_id")
    target = new_file(file)
    hidden = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        _write(table, hidden)
        hidden.rename(target)
    except OSError as error:
        raise InputError(f"cannot write {file}: {error}") from error
    finally:
        hidden.unlink(missing_ok=True)
    return int(table.num_rows)


def new_file(file: str) -> Path:
    """A file that is to be written.

    Raises:
        InputError: It exists, or there is no folder for it.
    """
    target = Path(file).expanduser().absolute()
    if target.exists():
        raise InputError(f"{file} exists already: name a new file to export to")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent} for {file}")
    return target


def _write(table: Any, path: Path) -> None:
    names = table.schema.names
    plain = _plain(table.slice(0, 0))
    with pa_csv.CSVWriter(path, plain.schema) as writer:
        for start in range(0, table.num_rows, _ROWS_AT_ONCE):
            writer.write_table(_plain(table.slice(start, _ROWS_AT_ONCE)).select(names))


def _plain(table: Any) -> Any:
    """The same with text where a column holds more than one value."""
    for place, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            maps = pa.types.is_map(field.type)
            values = [
                None if value is None else json.dumps(dict(value) if maps else value)
                for value in table.column(place).to_pylist()
            ]
            table = table.set_column(place, field.name, pa.array(values, pa.string()))
        elif pa.types.is_timestamp(field.type):
            texts = [_iso(value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.replace(tzinfo=None).isoformat() + "Z"
