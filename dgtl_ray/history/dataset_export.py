"""Copies a history to a Parquet data set that grows: a folder for each target kind and device."""

import hashlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.exported import paths_of, require_some, with_damage
from dgtl_ray.history.files import encode_table
from dgtl_ray.history.filter_text import parse_filter
from dgtl_ray.history.partitions import partitions
from dgtl_ray.history.schema import ForeignFileError, require_version
from dgtl_ray.history.store import ParquetHistory
from dgtl_ray.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What was added to a data set, and which damaged files of the history could not be.

    Attributes:
        out: The data set, as it was named, without a key.
        added: Rows that are new.
        known: Rows that were there already.
        files: Those that the new rows are in.
        skipped: Paths of the damaged files.
    """

    out: str
    added: int
    known: int
    files: int
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        text = (
            f"{self.out}: {self.added} rows added in {self.files} file(s), {self.known} were there"
        )
        return with_damage(text, self.skipped)


def append_to_dataset(uri: str, out: str, where: str | None = None) -> Appended:
    """Add the rows that a data set does not hold yet, each measurement once.

    Files lie in `kind=KIND/on_device=KEY/`, of the target's kind and the device's key. Each appears
    whole or not at all, and has the name of what it holds: what was interrupted is made up for by
    the next call, and two that add the very same rows at a time add them once. Two that add rows of
    which only some are the same must not do so at a time: either adds those.

    Args:
        uri: Of the history.
        out: Of the data set: a folder or URI; made where it is missing.
        where: Which rows, as a condition; None for all.

    Raises:
        InputError: No such history, a bad condition, no row that it admits, or the data set cannot
            be read or written, or is none of ours.
    """
    history = ParquetHistory(uri)
    history.require_rows()
    wanted = None if where is None else parse_filter(where)
    ids = history.scan(where=wanted, columns=["measurement_id"]).column("measurement_id")
    require_some(len(ids), history.skipped)
    storage = Storage(out)
    storage.create()
    new = ids.filter(pc.invert(pc.is_in(ids, value_set=_names(storage))))
    parts = partitions(_rows(history, wanted, ids, new)) if len(new) else {}
    for folder, part in parts.items():
        inside = Storage(storage.path_of(folder), storage.filesystem)
        inside.create()
        inside.put(_file_name(part), encode_table(part))
    return Appended(
        out=storage.uri,
        added=sum(part.num_rows for part in parts.values()),
        known=len(ids) - len(new),
        files=len(parts),
        skipped=paths_of(history.skipped),
    )


def _rows(history: ParquetHistory, wanted: Any | None, ids: Any, new: Any) -> Any:
    """The new rows among those with `ids`: of the others nothing but their names was read."""
    # Where all are new, a set of all their names would cost more than it saves.
    some = wanted if len(new) == len(ids) else pc.field("measurement_id").isin(new.combine_chunks())
    return history.scan(where=some).sort_by("measurement_id")


def _names(storage: Storage) -> Any:
    """Names of the measurements that the data set holds."""
    try:
        found = ds.dataset(storage.path_of(""), filesystem=storage.filesystem, format="parquet")
        if not found.files:
            return pa.array([], pa.string())
        require_version(found.schema, storage.uri)
        return found.to_table(columns=["measurement_id"]).column("measurement_id")
    except ForeignFileError as error:
        raise InputError(f"{storage.uri} is no export of a history: {error}") from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot read the data set {storage.uri}: {error}") from error


def _file_name(rows: Any) -> str:
    text = "\n".join(rows.column("measurement_id").to_pylist())
    return f"measurements-{hashlib.sha256(text.encode()).hexdigest()[:24]}.parquet"
