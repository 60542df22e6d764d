"""The folder that a history lives in, local or in an object store."""

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from pyarrow import fs

from dgtl_ray.core.errors import InputError
from dgtl_ray.storage import Storage, join

# The address of the history that ships with the package; `./builtin` is a folder of that name.
BUILTIN = "builtin"
_SHIPPED = files("dgtl_ray") / BUILTIN / "history"
_SUFFIX = ".parquet"
# What follows the name of a file that was damaged, and is kept for people to look at.
DAMAGED = ".damaged"
_LISTINGS = 50
# How deep, and in how many folders of a level, measurements are looked for where a folder has none.
_DEPTH, _WIDTH = 3, 100


class Folder(Storage):
    """Parquet files that appear whole, are never changed, and may vanish."""

    def __init__(self, uri: str, filesystem: Any | None = None) -> None:
        self._ships = uri == BUILTIN and filesystem is None
        super().__init__(str(_SHIPPED) if self._ships else uri, filesystem)

    def create(self) -> None:
        """Make the folder, where it is missing.

        Raises:
            InputError: It is the history that ships.
            StorageError: It cannot be made or written.
        """
        self._require_ours()
        super().create()

    def put(self, name: str, data: Any) -> None:
        """Write a file; it is durable, and visible whole, when this returns.

        Raises:
            InputError: It is the history that ships.
            StorageError: It cannot be written.
        """
        self._require_ours()
        super().put(name, data)

    def require(self) -> None:
        """Check that the folder exists.

        Raises:
            InputError: It does not, or it is a file.
        """
        kind = self.kind()
        if kind is fs.FileType.NotFound:
            raise InputError(f"no history at {self.uri}: check the path, or run `dgtl tune` first")
        if kind is fs.FileType.File:
            raise InputError(f"{self.uri} is a file: give the folder that holds the history")

    def require_files(self) -> None:
        """Check that there are Parquet files in the folder.

        Raises:
            InputError: There are none; where they are in folders below, as a run's history and the
                parts of an export are, the message names one.
        """
        self.require()
        if not self.sizes_bytes():
            if below := self._below():
                where = join(self.uri, below)
                raise InputError(f"{self.uri} holds no measurements, but {where} does: name that")
            raise InputError(f"{self.uri} holds no measurements: name the folder of a history")

    def sizes_bytes(self) -> dict[str, int]:
        """Size of each Parquet file by name, in order of name.

        A file that replaces others is there before they vanish, yet a listing that is made just
        then may hold neither. So a listing counts once nothing in the one before it is gone.
        """
        before = self._list()
        for _ in range(_LISTINGS):
            now = self._list()
            if before.keys() <= now.keys():
                return now
            before = now
        raise InputError(
            f"the files of {self.uri} change faster than they can be listed: try later"
        )

    def discard(self, names: Iterable[str]) -> None:
        """Delete files; one that is gone already is none of our business."""
        for name in names:
            with suppress(FileNotFoundError):
                self.delete(name)

    def set_aside(self, names: Iterable[str]) -> None:
        """Give damaged files a name that no reader takes for one of a history's; they are kept.

        Raises:
            StorageError: They cannot be renamed.
        """
        for name in names:
            path = self.path_of(name)
            self.attempt(partial(self.filesystem.move, path, f"{path}{DAMAGED}"))

    def _below(self) -> str:
        """The nearest folder in this one that holds measurements; "" where none does."""
        top = self.path_of("")
        folders = [top]
        for _ in range(_DEPTH):
            selectors = [fs.FileSelector(folder) for folder in folders[:_WIDTH]]
            inside = [info for one in selectors for info in self.filesystem.get_file_info(one)]
            data = sorted(info.path for info in inside if info.is_file and _is_data(info.base_name))
            if data:
                return str(PurePosixPath(data[0]).parent.relative_to(top))
            folders = sorted(info.path for info in inside if not info.is_file)
        return ""

    def _require_ours(self) -> None:
        if self._ships:
            raise InputError(f"{BUILTIN} ships with the package: name another history to write to")

    def _list(self) -> dict[str, int]:
        return {name: size for name, size in sorted(self.files().items()) if _is_data(name)}


def _is_data(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith((".", "_"))
