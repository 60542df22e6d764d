"""A history's rows for others: each once, in tables of bounded length, or whole files of them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.exported import require_some
from dgtl_ray.history.filter_text import parse_filter
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.partitions import PLACING, partitions
from dgtl_ray.history.reader import FileReader
from dgtl_ray.history.schema import SCHEMA

# Files of this size may be copied; of smaller ones several become one.
_LARGE_BYTES = 4 << 20
# More rows than that are written as they come: sorting takes memory for all of them, twice.
_SORTED_ROWS = 200_000
_ORDER = [("network", "ascending"), ("task", "ascending"), ("measurement_id", "ascending")]
_ROWS_AT_ONCE = 65_536
_TRIES = 20


class _MergedError(Exception):
    """Others merged files while they were read."""


class PlainRows:
    """The rows that an expression admits, of the files of which every page is whole.

    Attributes:
        count: How many there are.
        skipped: Damaged files, which are left out.

    Raises:
        FileNotFoundError: A file vanished meanwhile.
        InputError: A file of another schema version, or an expression that does not fit.
    """

    def __init__(self, folder: Folder, where: Any | None) -> None:
        self._folder = folder
        self._where = where
        self._reader = FileReader(folder)
        self._sizes = folder.sizes_bytes()
        sound = self._reader.sound(list(self._sizes))
        self._names, self.skipped = sound.names, sound.skipped
        self.count = int(self._reader.read(self._names, ["measurement_id"], where).table.num_rows)
        # While files are merged a row may be in two of them: one of each is wanted.
        self._is_merging = self._reader.count(self._names, where) != self.count

    def tables(self, without: Collection[str] = ()) -> Iterator[Any]:
        """All of them, but for those of some files; by network and task where they are few."""
        names = [name for name in self._names if name not in without]
        try:
            if self._is_merging or self._reader.count(names, self._where) <= _SORTED_ROWS:
                yield from self._sorted(names)
            else:
                yield from self._as_they_come(names)
        except FileNotFoundError as error:
            raise _MergedError from error

    def whole_files(self) -> dict[str, str]:
        """Large files that may be copied, by name: the folder of a data set that each is of."""
        if self._where is not None or self._is_merging:
            return {}
        large = (name for name in self._names if self._sizes[name] >= _LARGE_BYTES)
        try:
            folders = {name: self._folders(name) for name in large if self._reader.fits(name)}
        except FileNotFoundError as error:
            raise _MergedError from error
        return {name: found[0] for name, found in folders.items() if len(found) == 1}

    def copy(self, name: str, file: Path) -> None:
        """Copy a file as it is."""
        try:
            fs.copy_files(
                self._folder.path_of(name),
                str(file),
                source_filesystem=self._folder.filesystem,
                destination_filesystem=fs.LocalFileSystem(),
            )
        except FileNotFoundError as error:
            raise _MergedError from error

    def _folders(self, name: str) -> list[str]:
        """Folders of a data set that a file's rows belong to."""
        return list(partitions(self._reader.dataset([name]).to_table(columns=list(PLACING))))

    def _sorted(self, names: Sequence[str]) -> Iterator[Any]:
        table = self._reader.read(names, SCHEMA.names, self._where).table
        table = table.sort_by(_ORDER).cast(SCHEMA)
        for start in range(0, table.num_rows, _ROWS_AT_ONCE):
            yield table.slice(start, _ROWS_AT_ONCE)

    def _as_they_come(self, names: Sequence[str]) -> Iterator[Any]:
        batches: list[Any] = []
        found = self._reader.dataset(names).to_batches(
            columns=SCHEMA.names,
            filter=self._where,
            batch_size=_ROWS_AT_ONCE,
            batch_readahead=4,
            fragment_readahead=2,
        )
        for batch in found:
            batches.append(batch)
            if sum(one.num_rows for one in batches) >= _ROWS_AT_ONCE:
                yield pa.Table.from_batches(batches).cast(SCHEMA)
                batches = []
        if batches:
            yield pa.Table.from_batches(batches).cast(SCHEMA)


def write_rows(uri: str, where: str | None, write: Callable[[PlainRows], None]) -> PlainRows:
    """Have the rows of a history written, anew where its files are merged meanwhile.

    Args:
        uri: Of the history.
        where: Which rows, as a condition; None for all.
        write: Writes them, and leaves nothing behind where it fails.

    Returns:
        The rows that were written.

    Raises:
        InputError: No such history, a bad condition, no row that it admits, a file of another
            schema version, or files that are merged by others all the time.
    """
    folder = Folder(uri)
    folder.require_files()
    wanted = None if where is None else parse_filter(where)
    # A condition that does not fit is found before every page is read.
    FileReader(folder).read([], [], wanted)
    for _ in range(_TRIES):
        try:
            rows = PlainRows(folder, wanted)
        except FileNotFoundError:
            continue
        require_some(rows.count, rows.skipped)
        try:
            write(rows)
        except _MergedError:
            continue
        return rows
    raise InputError(f"the files of {folder.uri} change faster than they can be read: try later")
