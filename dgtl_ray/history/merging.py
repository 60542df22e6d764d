"""Histories into one."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.files import add_file
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.store import ParquetHistory

_ROWS_A_FILE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What was added, and what was there already."""

    added: int
    known: int


def merge(sources: Sequence[str], into: str) -> Merged:
    """Add the rows of histories to another one, each measurement once.

    Args:
        sources: Addresses of the histories; they stay as they are.
        into: Of the one that grows; made where it is missing.

    Raises:
        InputError: One cannot be read, holds nothing, or is `into` itself; or that cannot be
            written.
    """
    stores = [ParquetHistory(uri) for uri in sources]
    target = Folder(into)
    for store in stores:
        if Folder(store.uri).path_of("") == target.path_of(""):
            raise InputError(f"{store.uri} cannot be merged into itself")
        store.require_rows()
    whole = ParquetHistory(into)
    whole.create()
    added = known = 0
    for store in stores:
        there = whole.scan(columns=["measurement_id"]).column("measurement_id")
        rows = store.scan()
        new = rows.filter(pc.invert(pc.is_in(rows.column("measurement_id"), value_set=there)))
        for start in range(0, new.num_rows, _ROWS_A_FILE):
            add_file(target, new.slice(start, _ROWS_A_FILE))
        added += new.num_rows
        known += rows.num_rows - new.num_rows
    return Merged(added=added, known=known)
