"""The folder that a history lives in, local or in an object store."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from dgtl_ray.core.errors import InputError

# Here an object appears whole or not at all, so a write needs no temporary name.
_OBJECT_STORES = frozenset({"s3", "gcs", "abfs"})
_SUFFIX = ".parquet"
_LISTINGS = 50


class Folder:
    """Parquet files that appear whole, are never changed, and may vanish.

    Raises:
        InputError: The address is of no kind that Arrow knows.
    """

    def __init__(self, uri: str, filesystem: Any | None = None) -> None:
        self.uri = uri
        self.filesystem, self._path = _resolve(uri, filesystem)
        self._is_local = self.filesystem.type_name == "local"

    def path_of(self, name: str) -> str:
        """Path of a file within `filesystem`."""
        return f"{self._path}/{name}"

    def create(self) -> None:
        """Make the folder, where it is missing.

        Raises:
            InputError: It cannot be made or written.
        """
        self._attempt(self._create)

    def require(self) -> None:
        """Check that the folder exists.

        Raises:
            InputError: It does not, or it is a file.
        """
        info = self._attempt(lambda: self.filesystem.get_file_info(self._path))
        if info.type is fs.FileType.NotFound:
            raise InputError(f"no history at {self.uri}: check the path, or run `dgtl tune` first")
        if info.type is fs.FileType.File:
            raise InputError(f"{self.uri} is a file: give the folder that holds the history")

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

    def put(self, name: str, data: Any) -> None:
        """Write a file; it is durable, and visible whole, when this returns.

        Raises:
            InputError: It cannot be written.
        """
        self._attempt(lambda: self._put(name, data))

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; one that is gone already is none of our business."""
        for name in names:
            try:
                self.filesystem.delete_file(self.path_of(name))
            except FileNotFoundError:
                continue

    def _list(self) -> dict[str, int]:
        selector = fs.FileSelector(self._path, allow_not_found=True)
        files = [
            (info.base_name, info.size)
            for info in self.filesystem.get_file_info(selector)
            if info.type is fs.FileType.File
            and info.base_name.endswith(_SUFFIX)
            and not info.base_name.startswith((".", "_"))
        ]
        return dict(sorted(files))

    def _create(self) -> None:
        if self._is_local:
            _create_local(Path(self._path))
        else:
            self.filesystem.create_dir(self._path, recursive=True)

    def _put(self, name: str, data: Any) -> None:
        temporary = f".{name}.tmp"
        if self._is_local:
            _put_local(Path(self._path), name, temporary, data)
        elif self.filesystem.type_name in _OBJECT_STORES:
            self._write(name, data)
        else:
            self._write(temporary, data)
            self.filesystem.move(self.path_of(temporary), self.path_of(name))

    def _write(self, name: str, data: Any) -> None:
        with self.filesystem.open_output_stream(self.path_of(name)) as file:
            file.write(data)

    def _attempt(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except OSError as error:
            raise InputError(
                f"cannot use {self.uri} for history: {error}; check the path, its permissions and"
                " the space left"
            ) from error


def _resolve(uri: str, filesystem: Any | None) -> tuple[Any, str]:
    """Filesystem and path of an address; a local path needs no scheme."""
    if filesystem is not None:
        return filesystem, uri.rstrip("/")
    if "://" not in uri:
        return fs.LocalFileSystem(), str(Path(uri).expanduser().absolute())
    try:
        found, path = fs.FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"cannot use {uri} for history: {error}") from error
    return found, path.rstrip("/")


def _create_local(path: Path) -> None:
    """Make a folder and those above it; their names survive a loss of power."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        _sync_folder(folder.parent)


def _put_local(folder: Path, name: str, temporary: str, data: Any) -> None:
    """Write under a temporary name, then rename; both survive a loss of power."""
    try:
        with (folder / temporary).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        (folder / temporary).rename(folder / name)
    except OSError:
        (folder / temporary).unlink(missing_ok=True)
        raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
