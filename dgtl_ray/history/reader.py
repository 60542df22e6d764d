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
        with ThreadPoolExecutor(min(_OPENERS, max(1, len(names)))) as openers:
            opened = list(openers.map(self._open, names))
        fragments = [item for item in opened if not isinstance(item, SkippedFile)]
        skipped = [item for item in opened if isinstance(item, SkippedFile)]
        try:
            table = self._scan(fragments, wanted, where)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError):
            table, torn = self._scan_singly(fragments, wanted, where)
            skipped += torn
        for file in skipped:
            _LOG.warning("left out %s, a damaged file of the history: %s", file.path, file.reason)
        return Reading(table=_distinct(table).select(list(columns)), skipped=tuple(skipped))

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
        dataset = ds.FileSystemDataset(
            list(fragments), SCHEMA, self._format, self._folder.filesystem
        )
        return dataset.to_table(columns=list(columns), filter=where)

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


def _distinct(table: Any) -> Any:
    """Each measurement once: while files are merged, a row may be in two of them."""
    ids = table.column("measurement_id")
    if pc.count_distinct(ids).as_py() == len(ids):
        return table
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.unique(codes, return_index=True)[1]
    return table.take(np.sort(first))
