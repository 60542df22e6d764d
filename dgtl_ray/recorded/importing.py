"""Files of other tuners into a history."""

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.history import ParquetHistory, add_rows, row_filter
from dgtl_ray.recorded.devices import device_of
from dgtl_ray.recorded.formats.detect import importer_called, importer_of
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.formats.values import expecting
from dgtl_ray.recorded.imported_rows import rows_of

# What tells a measurement from another in its place: when it was made is no part of it.
_TOLD = ["trial", "config", "status", "error", "cost_s", "repeats_s"]


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
    grown since, or is imported again, adds only what is new.

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
    table = pa.concat_tables([_unlike_others(store, table) for table in tables])
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


def _unlike_others(store: ParquetHistory, table: Any) -> Any:
    """The rows, under another run's name where their own is taken by other measurements.

    Names come from a task's first measurement; two files may begin alike and go on differently.
    The other name comes from the rows up to the first that differs, so that it stays when the file
    grows. A third file may begin like the second, so the other name may be taken, too.
    """
    if not store.exists():
        return table
    ours = table.select(_TOLD)
    own = run_id = table.column("run_id")[0].as_py()
    while (differing := _first_unlike(store, run_id, ours)) is not None:
        text = json.dumps([run_id, ours.slice(0, differing + 1).to_pylist()])
        run_id = f"{own}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return table if run_id == own else _named(table, run_id)


def _first_unlike(store: ParquetHistory, run_id: str, ours: Any) -> int | None:
    """Place of the first row that a run holds otherwise; None where it holds none so."""
    held = store.scan(where=row_filter(run_id=run_id), columns=_TOLD).sort_by("trial")
    held = held.filter(pc.less(held.column("trial"), ours.num_rows))
    same = ours.take(held.column("trial"))
    if same.equals(held):  # nearly always; one by one they take as long as reading the file
        return None
    pairs = zip(same.to_pylist(), held.to_pylist(), strict=True)
    return next((row["trial"] for row, other in pairs if row != other), None)


def _named(table: Any, run_id: str) -> Any:
    """The rows under another run's name."""
    trials = table.column("trial").to_pylist()
    columns = {
        "run_id": pa.array([run_id] * len(trials)),
        "measurement_id": pa.array([f"{run_id}-{trial}" for trial in trials]),
    }
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), values)
    return table
