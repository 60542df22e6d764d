"""Reads the files of a history that can be read, and names those that cannot."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.schema import SCHEMA, ForeignFileError, require_version

_LOG = logging.getLogger(__name__)
# Opening a file is waiting, most of all for an object store.
_OPENERS = 16
# What Arrow calls the number of the fragment that a row comes from.
_FRAGMENT = "__fragment_index"


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """A file that could not be read."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What some files hold: a `pyarrow.Table`, and the files it had to leave out."""

    table: Any
    skipped: tuple[SkippedFile, ...]


@dataclass(frozen=True, kw_only=True)
class SoundFiles:
    """Names of files of which every page is whole, and the others."""

    names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]


class FileReader:
    """Reads Parquet files of one folder, page checksums verified."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
        self._format = ds.ParquetFileFormat(default_fragment_scan_options=options)

    def read(self, names: Sequence[str], columns: Sequence[str], where: Any | None) -> Reading:
        """Columns of the rows that `where`, an Arrow expression, admits; each row once.

        Raises:
            FileNotFoundError: A file vanished meanwhile: list the folder again.
            InputError: A file of another schema version, or an expression that does not fit it.
        """
        wanted = list(dict.fromkeys(["measurement_id", *columns]))
        self._require_fitting(wanted, where)
        fragments, skipped = self.open(names)
        try:
            table = self._scan(fragments, wanted, where)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError):
            table, torn = self._scan_singly(fragments, wanted, where)
            skipped += torn
        _warn(skipped)
        return Reading(table=_distinct(table).select(list(columns)), skipped=tuple(skipped))

    def open(self, names: Sequence[str]) -> tuple[list[Any], list[SkippedFile]]:
        """Files as fragments of a dataset, their footers checked, and those that are damaged.

        Raises:
            FileNotFoundError: A file vanished meanwhile.
            InputError: A file of another schema version.
        """
        with ThreadPoolExecutor(min(_OPENERS, max(1, len(names)))) as openers:
            opened = list(openers.map(self._open, names))
        fragments = [item for item in opened if not isinstance(item, SkippedFile)]
        return fragments, [item for item in opened if isinstance(item, SkippedFile)]

    def sound(self, names: Sequence[str]) -> SoundFiles:
        """Which files are whole: every page of them is read.

        Raises:
            FileNotFoundError: A file vanished meanwhile.
            InputError: A file of another schema version.
        """
        fragments, skipped = self.open(names)
        try:
            self._read_through(fragments)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError):
            skipped += self._scan_singly(fragments, SCHEMA.names, None)[1]
        _warn(skipped)
        damaged = {file.path for file in skipped}
        whole = tuple(name for name in names if self._folder.path_of(name) not in damaged)
        return SoundFiles(names=whole, skipped=tuple(skipped))

    def dataset(self, names: Sequence[str]) -> Any:
        """Files as a `pyarrow.dataset.Dataset` with the history's schema."""
        return self._dataset(self.open(names)[0])

    def count(self, names: Sequence[str], where: Any | None) -> int:
        """Rows that an expression admits, those that are in two files twice."""
        return int(self.dataset(names).count_rows(filter=where))

    def fits(self, name: str) -> bool:
        """Whether a file has all columns, as a history has them now."""
        fragment = self._format.make_fragment(self._folder.path_of(name), self._folder.filesystem)
        return bool(fragment.physical_schema.equals(SCHEMA))

    def unknown_columns(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Columns that a later program wrote, by the path of the file; damaged files have none.

        Raises:
            FileNotFoundError: A file vanished meanwhile.
            InputError: A file of another schema version.
        """
        found = {
            fragment.path: tuple(
                name for name in fragment.physical_schema.names if name not in SCHEMA.names
            )
            for fragment in self.open(names)[0]
        }
        return {path: columns for path, columns in found.items() if columns}

    def _require_fitting(self, columns: Sequence[str], where: Any | None) -> None:
        """Refuse an expression that no file can answer, lest every file be called damaged."""
        try:
            self._scan([], columns, where)
        except pa.ArrowException as error:
            raise InputError(f"the filter {where} does not fit the columns: {error}") from error

    def _open(self, name: str) -> Any:
        """The file as a fragment of a dataset, its footer checked; or why it is left out."""
        path = self._folder.path_of(name)
        fragment = self._format.make_fragment(path, self._folder.filesystem)
        try:
            require_version(fragment.physical_schema, path)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError, ForeignFileError) as error:
            return SkippedFile(path=path, reason=str(error))
        return fragment

    def _scan(self, fragments: Sequence[Any], columns: Sequence[str], where: Any | None) -> Any:
        if where is not None:
            fragments = self._with_matches(fragments, where)
        return self._dataset(fragments).to_table(columns=list(columns), filter=where)

    def _with_matches(self, fragments: Sequence[Any], where: Any) -> list[Any]:
        """The row groups that hold a row which `where` admits, by the columns that it is about.

        Statistics do not tell: every file spans all workload keys. The other columns, most of all
        encodings and repeats, are a hundred times as long.
        """
        groups = [
            group
            for fragment in fragments
            for group in fragment.split_by_row_group(filter=where, schema=SCHEMA)
        ]
        table = self._dataset(groups).to_table(columns=[_FRAGMENT], filter=where)
        return [groups[k] for k in sorted(table.column(_FRAGMENT).unique().to_pylist())]

    def _read_through(self, fragments: Sequence[Any]) -> None:
        """Read all columns, and keep nothing."""
        for _ in self._dataset(fragments).to_batches(batch_readahead=4, fragment_readahead=2):
            pass

    def _dataset(self, fragments: Sequence[Any]) -> Any:
        return ds.FileSystemDataset(list(fragments), SCHEMA, self._format, self._folder.filesystem)

    def _scan_singly(
        self, fragments: Sequence[Any], columns: Sequence[str], where: Any | None
    ) -> tuple[Any, list[SkippedFile]]:
        """File by file, to find the damaged ones."""
        tables = [self._scan([], columns, where)]
        torn = []
        for fragment in fragments:
            try:
                tables.append(self._scan([fragment], columns, where))
            except FileNotFoundError:
                raise
            except (pa.ArrowException, OSError) as error:
                torn.append(SkippedFile(path=fragment.path, reason=str(error)))
        return pa.concat_tables(tables), torn


def _warn(skipped: Sequence[SkippedFile]) -> None:
    for file in skipped:
        _LOG.warning("left out %s, a damaged file of the history: %s", file.path, file.reason)


def _distinct(table: Any) -> Any:
    """Each measurement once: while files are merged, a row may be in two of them."""
    ids = table.column("measurement_id")
    if pc.count_distinct(ids).as_py() == len(ids):
        return table
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.unique(codes, return_index=True)[1]
    return table.take(np.sort(first))
