"""Histories into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute as pc

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.exported import paths_of, with_damage
from dgtl_ray.history.files import add_file
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.store import ParquetHistory

_ROWS_A_FILE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What was added to a history, and which damaged files could not be.

    Attributes:
        into: The history that grew.
        added: Rows that are new.
        known: Rows that were there already.
        skipped: Paths of the damaged files.
    """

    into: str
    added: int
    known: int
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.into}: {self.added} rows added, {self.known} were there already"
        return with_damage(text, self.skipped)


def merge(sources: Sequence[str], into: str) -> Merged:
    """Add the rows of histories to another one, each measurement once.

    Args:
        sources: Addresses of the histories; they stay as they are.
        into: Of the one that grows; made where it is missing.

    Raises:
        InputError: One cannot be read, holds nothing, has columns that this program does not know,
            or is `into` itself; or that cannot be written.
    """
    stores = [ParquetHistory(uri) for uri in sources]
    target = Folder(into)
    for store in stores:
        if Folder(store.uri).path_of("") == target.path_of(""):
            raise InputError(f"{store.uri} cannot be merged into itself")
        store.require_rows()
        store.require_known_columns()
    whole = ParquetHistory(into)
    parts = [_add_all(whole, store) for store in stores]
    return Merged(
        into=whole.uri,
        added=sum(one.added for one in parts),
        known=sum(one.known for one in parts),
        skipped=tuple(path for one in parts for path in one.skipped),
    )


def add_rows(store: ParquetHistory, rows: Any) -> Merged:
    """Add those rows of a table that a history does not hold yet, each measurement once.

    What is new is one file, up to a million rows: it is there whole or not at all.

    Raises:
        InputError: The history cannot be read or written.
    """
    store.create()
    there = store.scan(columns=["measurement_id"]).column("measurement_id")
    held = pc.is_in(rows.column("measurement_id"), value_set=there)
    # Filtering copies every column: not where all of them are new, as in a first import.
    new = rows.filter(pc.invert(held)) if pc.any(held).as_py() else rows
    for start in range(0, new.num_rows, _ROWS_A_FILE):
        add_file(Folder(store.uri), new.slice(start, _ROWS_A_FILE))
    return Merged(into=store.uri, added=new.num_rows, known=rows.num_rows - new.num_rows)


def _add_all(whole: ParquetHistory, store: ParquetHistory) -> Merged:
    merged = add_rows(whole, store.scan())
    return replace(merged, skipped=paths_of(store.skipped))
