"""Measurements kept as a Parquet dataset."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from pyarrow.fs import FileType

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history.compaction import compact
from dgtl_ray.history.files import add_file
from dgtl_ray.history.filter_text import parse_filter
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.reader import FileReader, Reading, SkippedFile
from dgtl_ray.history.rows import to_measurements, to_table
from dgtl_ray.history.schema import SCHEMA
from dgtl_ray.history.summary import SUMMARY_COLUMNS, summarise

_TRIES = 20
_Seen = TypeVar("_Seen")


class ParquetHistory:
    """A folder of Parquet files, one a batch: several processes may append while others read.

    Args:
        uri: A local path, or what Arrow knows how to open: `s3://…`, `gs://…`, `file://…`.
        filesystem: A `pyarrow.fs.FileSystem` in which `uri` is a path, instead of the one that
            `uri` names.

    Raises:
        InputError: `uri` is of no kind that Arrow knows.
    """

    def __init__(self, uri: str, *, filesystem: Any | None = None) -> None:
        self._folder = Folder(uri, filesystem)
        self._reader = FileReader(self._folder)
        self._created = False
        self._skipped: tuple[SkippedFile, ...] = ()

    @property
    def uri(self) -> str:
        """Where it lives, as it is told: without a key that the address was given with."""
        return self._folder.uri

    @property
    def skipped(self) -> tuple[SkippedFile, ...]:
        """Damaged files that the latest scan left out."""
        return self._skipped

    def exists(self) -> bool:
        """Whether there is a folder, empty or not.

        Raises:
            InputError: That cannot be told.
        """
        return self._folder.kind() is FileType.Directory

    def require_rows(self) -> None:
        """Check that there is something to read, without reading it.

        Raises:
            InputError: There is no folder, or no history in it; or a file of another version.
        """
        self._folder.require_files()
        with suppress(FileNotFoundError):  # merged by others meanwhile: so there is something
            self._reader.open(list(self._folder.sizes_bytes()))

    def require_known_columns(self) -> None:
        """Check that its rows can be copied whole: no file has columns of a later program.

        Raises:
            InputError: One has, or the history cannot be read.
        """
        for path, columns in self._listed(self._reader.unknown_columns).items():
            raise InputError(
                f"{path} has columns that this program does not know, and would lose:"
                f" {', '.join(columns)}; use the dgtl_ray that wrote it"
            )

    def create(self) -> None:
        """Make the folder where it is missing; `append` does so by itself.

        Raises:
            InputError: The folder cannot be made.
        """
        if not self._created:
            self._folder.create()
            self._created = True

    def append(self, rows: Sequence[Measurement]) -> None:
        """Keep a batch, all of it or nothing; it is durable when this returns.

        Raises:
            InputError: The folder cannot be written, or a value is not storable.
        """
        if not rows:
            return
        table = to_table(rows)
        self.create()
        add_file(self._folder, table)

    def scan(self, *, where: Any | str | None = None, columns: Sequence[str] | None = None) -> Any:
        """Rows as a `pyarrow.Table`, each measurement once, in no particular order.

        Damaged files are left out, with a warning in the log and an entry in `skipped`.

        Args:
            where: A `pyarrow.compute.Expression` (`row_filter` makes one), or a condition as text.
            columns: Names of the columns wanted; all where it is None.

        Raises:
            InputError: No such history, a file of another schema version, no such column.
        """
        names = tuple(SCHEMA.names if columns is None else columns)
        missing = [name for name in names if name not in SCHEMA.names]
        if missing:
            raise InputError(f"no column {missing[0]!r}; there are: {', '.join(SCHEMA.names)}")
        reading = self._read(names, parse_filter(where) if isinstance(where, str) else where)
        self._skipped = reading.skipped
        return reading.table

    def measurements(self, where: Any | str | None = None) -> list[Measurement]:
        """Rows as measurements, oldest first.

        Raises:
            InputError: As `scan`.
        """
        rows = to_measurements(self.scan(where=where))
        return sorted(rows, key=lambda row: (row.created_at, row.run_id, row.trial))

    def summary(self) -> list[dict[str, str | int | float | None]]:
        """What it holds: one row for each network, task, device and target.

        Raises:
            InputError: As `scan`.
        """
        return summarise(self.scan(columns=SUMMARY_COLUMNS))

    def compact(self) -> int:
        """Merge small files into few, beside readers and writers; how many were merged away.

        Raises:
            InputError: No such history, or it cannot be written.
        """
        self._folder.require()
        return compact(self._folder)

    def _read(self, columns: Sequence[str], where: Any | None) -> Reading:
        return self._listed(lambda names: self._reader.read(names, columns, where))

    def _listed(self, look: Callable[[Sequence[str]], _Seen]) -> _Seen:
        """What is seen of all files, which others may merge meanwhile."""
        self._folder.require()
        for _ in range(_TRIES):
            try:
                return look(list(self._folder.sizes_bytes()))
            except FileNotFoundError:
                continue  # files were merged while we read: list them again
        raise InputError(f"the files of {self.uri} change faster than they can be read: try later")
