"""Files of other tuners into a history."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.history import ParquetHistory, add_rows
from dgtl_ray.recorded.devices import device_of
from dgtl_ray.recorded.formats.detect import importer_called, importer_of
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.formats.values import expecting
from dgtl_ray.recorded.imported_rows import rows_of
from dgtl_ray.recorded.names import told_apart


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        added: Rows that are new.
        known: Rows that were there already.
        statuses: How many rows of the file ended how.
    """

    file: str
    file_format: str
    tasks: int
    devices: tuple[str, ...]
    added: int
    known: int
    statuses: dict[str, int]

    def __str__(self) -> str:
        ended = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.file}: {self.file_format}, {self.tasks} task(s) on {', '.join(self.devices)}; "
            f"{ended}; {self.added} rows added, {self.known} were there already"
        )


def import_file(
    file: str, into: str, *, file_format: str = "", device: str = "", hints: Hints | None = None
) -> Imported:
    """Add what a file of another tuner tells to a history: all of it or nothing.

    The same measurements get the same names whenever they are imported, so that a file that has
    grown since, or is imported again, adds only what is new: also one whose trials end in another
    order than they began. A trial that has reported again since has one row more.

    Args:
        file: A file, or a folder where the tool writes one.
        into: The history's address; made where it is missing.
        file_format: Of the file; "" to tell it from what is in it.
        device: What it was measured on, where the file does not say.
        hints: What else the file does not say.

    Raises:
        InputError: The file cannot be read, or the history cannot be written.
    """
    path = Path(file).expanduser()
    importer = importer_called(file_format) if file_format else importer_of(path)
    with _no_search_for_cycles():
        tasks = importer.read(path, hints or Hints())
        devices = [device_of(task, device) for task in tasks]
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        told = zip(tasks, devices, strict=True)
        with expecting(f"{path} holds what a history cannot"):
            tables = [rows_of(task, where, when) for task, where in told]
    store = ParquetHistory(into)
    apart = [
        told_apart(store, table, numbered=task.numbers is not None)
        for task, table in zip(tasks, tables, strict=True)
    ]
    table = pa.concat_tables(apart)
    merged = add_rows(store, table)
    return Imported(
        file=file,
        file_format=importer.name,
        tasks=len(tasks),
        devices=tuple(dict.fromkeys(where.name for where in devices)),
        added=merged.added,
        known=merged.known,
        statuses=_counts(table.column("status")),
    )


def _counts(statuses: Any) -> dict[str, int]:
    return {str(one["values"]): one["counts"] for one in pc.value_counts(statuses).to_pylist()}


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """What is read are millions of objects without cycles: Python would look through all of them.

    It would do so again and again, and so take a third of an import's time.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
