"""A history's rows as plain Parquet in a folder: files copied where they can be, or written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.reader import FileReader, SkippedFile
from dgtl_ray.history.schema import SCHEMA

ROWS_A_FILE = 1_000_000
# Files of this size are copied; smaller ones become one.
_LARGE_BYTES = 4 << 20
# More rows than that are written as they come: sorting takes memory for all of them, twice.
_SORTED_ROWS = 200_000
_ORDER = [("network", "ascending"), ("task", "ascending"), ("measurement_id", "ascending")]
_TRIES = 20


@dataclass(frozen=True, kw_only=True)
class Written:
    """How many rows, and which damaged files were left out."""

    rows: int
    skipped: tuple[SkippedFile, ...]


def write_plain(folder: Folder, where: Any | None, out: Path) -> Written:
    """Write the rows that an expression admits, each once, to an empty folder.

    Every page of every file is checked first. A large file that all rows are wanted of is copied
    then; other rows are sorted by network and task where they are few enough.

    Raises:
        InputError: A file of another schema version, an expression that does not fit, or files
            that are merged by others all the time.
        OSError: The folder cannot be written.
    """
    for _ in range(_TRIES):
        try:
            return _write(folder, where, out)
        except FileNotFoundError:  # merged while we read: begin again
            for file in out.iterdir():
                file.unlink()
    raise InputError(f"the files of {folder.uri} change faster than they can be read: try later")


def _write(folder: Folder, where: Any | None, out: Path) -> Written:
    reader = FileReader(folder)
    sizes = folder.sizes_bytes()
    sound = reader.sound(list(sizes))
    rows = reader.read(sound.names, ["measurement_id"], where).table.num_rows
    if reader.count(sound.names, where) != rows:  # some are in two files: one of each is wanted
        _write_sorted(reader, sound.names, where, out)
    elif where is None:
        large = [name for name in sound.names if sizes[name] >= _LARGE_BYTES and reader.fits(name)]
        for number, name in enumerate(large):
            _copy(folder, name, out / _name(number))
        small = [name for name in sound.names if name not in set(large)]
        if small or not large:
            _write_sorted(reader, small, where, out, first=len(large))
    elif rows <= _SORTED_ROWS:
        _write_sorted(reader, sound.names, where, out)
    else:
        _write_as_they_come(reader.dataset(sound.names), where, out)
    return Written(rows=rows, skipped=sound.skipped)


def _name(number: int) -> str:
    return f"measurements-{number:03d}.parquet"


def _copy(folder: Folder, name: str, file: Path) -> None:
    fs.copy_files(
        folder.path_of(name),
        str(file),
        source_filesystem=folder.filesystem,
        destination_filesystem=fs.LocalFileSystem(),
    )


def _write_sorted(
    reader: FileReader, names: Sequence[str], where: Any | None, out: Path, first: int = 0
) -> None:
    """In files of bounded length, at least one."""
    table = reader.read(names, SCHEMA.names, where).table.sort_by(_ORDER)
    for number, start in enumerate(range(0, max(table.num_rows, 1), ROWS_A_FILE), first):
        part = table.slice(start, ROWS_A_FILE).cast(SCHEMA)
        pq.write_table(part, out / _name(number), compression="zstd")


def _write_as_they_come(dataset: Any, where: Any, out: Path) -> None:
    parquet = ds.ParquetFileFormat()
    ds.write_dataset(
        dataset.to_batches(columns=SCHEMA.names, filter=where),
        out,
        schema=SCHEMA,
        format=parquet,
        file_options=parquet.make_write_options(compression="zstd"),
        basename_template="measurements-{i}.parquet",
        max_rows_per_file=ROWS_A_FILE,
        max_rows_per_group=1 << 17,
        existing_data_behavior="overwrite_or_ignore",
    )
