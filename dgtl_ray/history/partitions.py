"""Where rows lie in a data set for others: a folder for each target kind and device."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.compute as pc
import pyarrow.parquet as pq

from dgtl_ray.history.schema import SCHEMA

ROWS_A_FILE = 1_000_000
# What decides where a row lies.
PLACING = ("target", "device_key")
_KIND, _DEVICE = "kind", "on_device"


def partitions(rows: Any) -> dict[str, Any]:
    """The rows of each folder, `kind=KIND/on_device=KEY`: the target's kind and the device's key.

    Args:
        rows: A table that has the columns `PLACING`.
    """
    masks: dict[str, Any] = {}
    for pair in rows.select(list(PLACING)).group_by(list(PLACING)).aggregate([]).to_pylist():
        mask = pc.and_(*(pc.equal(rows.column(name), pair[name]) for name in PLACING))
        folder = _folder(**pair)
        masks[folder] = pc.or_(masks[folder], mask) if folder in masks else mask
    if len(masks) == 1:
        return dict.fromkeys(masks, rows)
    return {folder: rows.filter(mask) for folder, mask in sorted(masks.items())}


class PartitionedFiles:
    """Plain Parquet files in folders by target kind and device, each of bounded length.

    Args:
        out: A folder of this machine.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._files: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._open: dict[str, Any] = {}

    def new_file(self, inside: str) -> Path:
        """The next file of a folder in `out`, which is made where it is missing."""
        folder = self._out / inside
        folder.mkdir(parents=True, exist_ok=True)
        self._files[inside] += 1
        return folder / f"measurements-{self._files[inside] - 1:03d}.parquet"

    def write(self, rows: Any) -> None:
        """Add rows to the files of their folders."""
        for inside, part in partitions(rows).items():
            if inside not in self._open:
                self._open[inside] = plain_writer(self.new_file(inside))
            self._open[inside].write_table(part)
            self._rows[inside] += part.num_rows
            if self._rows[inside] >= ROWS_A_FILE:
                self._open.pop(inside).close()
                del self._rows[inside]

    def close(self) -> None:
        """Finish all files."""
        while self._open:
            self._open.popitem()[1].close()


def plain_writer(file: Path) -> Any:
    """A writer of tables to one Parquet file."""
    return pq.ParquetWriter(file, SCHEMA, compression="zstd")


def _folder(target: str, device_key: str) -> str:
    try:
        told = json.loads(target)
    except ValueError:
        told = {}
    kind = str(told.get("kind", "unknown")) if isinstance(told, dict) else "unknown"
    return f"{_KIND}={quote(kind, safe='')}/{_DEVICE}={quote(device_key, safe='')}"
