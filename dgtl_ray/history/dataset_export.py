"""Copies a history to a Parquet data set that grows: a folder for each target kind and device."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.files import encode_table
from dgtl_ray.history.schema import ForeignFileError, require_version
from dgtl_ray.history.store import ParquetHistory
from dgtl_ray.storage import Storage, join

_KIND, _DEVICE = "kind", "on_device"


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What was added to a data set, and which damaged files of the history could not be."""

    out: str
    added: int
    known: int
    files: int
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        text = (
            f"{self.out}: {self.added} rows added in {self.files} file(s), {self.known} were there"
        )
        return "\n".join([text, *(f"left out, damaged: {path}" for path in self.skipped)])


def append_to_dataset(uri: str, out: str, where: str | None = None) -> Appended:
    """Add the rows that a data set does not hold yet, each measurement once.

    Files lie in `kind=KIND/on_device=KEY/`, of the target's kind and the device's key. Each appears
    whole or not at all, and has the name of what it holds: what was interrupted is made up for by
    the next call, and two that add the same rows at a time add them once.

    Args:
        uri: Of the history.
        out: Of the data set: a folder or URI; made where it is missing.
        where: Which rows, as a condition; None for all.

    Raises:
        InputError: No such history, or the data set cannot be read or written, or is none of ours.
    """
    history = ParquetHistory(uri)
    history.require_rows()
    rows = history.scan(where=where)
    storage = Storage(out)
    storage.create()
    there = _names(storage)
    new = rows.filter(pc.invert(pc.is_in(rows.column("measurement_id"), value_set=there)))
    new = new.sort_by("measurement_id")
    parts = _parts(new)
    for folder, part in parts.items():
        inside = Storage(join(out, folder))
        inside.create()
        inside.put(_file_name(part), encode_table(part))
    return Appended(
        out=out,
        added=new.num_rows,
        known=rows.num_rows - new.num_rows,
        files=len(parts),
        skipped=tuple(file.path for file in history.skipped),
    )


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


def _parts(rows: Any) -> dict[str, Any]:
    """The rows of each folder."""
    groups: dict[str, list[int]] = defaultdict(list)
    targets, keys = (rows.column(name).to_pylist() for name in ("target", "device_key"))
    folders: dict[tuple[str, str], str] = {}
    for place, pair in enumerate(zip(targets, keys, strict=True)):
        if pair not in folders:
            folders[pair] = _folder(*pair)
        groups[folders[pair]].append(place)
    return {folder: rows.take(np.array(places)) for folder, places in sorted(groups.items())}


def _folder(target: str, device_key: str) -> str:
    try:
        told = json.loads(target)
    except ValueError:
        told = {}
    kind = str(told.get("kind", "unknown")) if isinstance(told, dict) else "unknown"
    return f"{_KIND}={quote(kind, safe='')}/{_DEVICE}={quote(device_key, safe='')}"


def _file_name(rows: Any) -> str:
    text = "\n".join(rows.column("measurement_id").to_pylist())
    return f"measurements-{hashlib.sha256(text.encode()).hexdigest()[:24]}.parquet"
