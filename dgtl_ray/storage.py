"""A folder to keep things in: on this machine, or anywhere that Arrow can reach by its address."""

import os
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from dgtl_ray.core.errors import InputError, StorageError

# Filesystems that a caller handed over, by the start of the addresses that lead to them.
_MOUNTS: dict[str, Any] = {}
_MOUNT = "mounted-"
# Addresses that this process was given with a key, by what is told of them.
_GIVEN: dict[str, str] = {}
# A name and a password before a host or a bucket. A password is no port, and may hold a slash that
# somebody forgot to encode.
_USER = re.compile(
    r"(?P<scheme>[^:/?#]+://)(?P<name>[^/?#@:]*)(?P<password>:(?!\d+(?:/|$))[^?#@]*)?@"
)
# Here an object appears whole or not at all, so a write needs no temporary name.
_OBJECT_STORES = frozenset({"s3", "gcs", "abfs"})


class Storage:
    """A folder whose files appear whole.

    Args:
        uri: A local path, or what Arrow knows how to open: `s3://…`, `gs://…`, `file://…`.
        filesystem: A `pyarrow.fs.FileSystem` in which `uri` is a path, instead of the one that
            `uri` names.

    Attributes:
        uri: Its address, as it is `told`.
        filesystem: The `pyarrow.fs.FileSystem` that it is in.
        is_local: Whether that is this machine's.

    Raises:
        InputError: `uri` is of no kind that Arrow knows.
    """

    def __init__(self, uri: str | Path, filesystem: Any | None = None) -> None:
        self.uri = told(uri)
        self.filesystem, self._path = _resolve(str(uri), filesystem)
        self.is_local = self.filesystem.type_name == "local"

    def path_of(self, name: str) -> str:
        """Path of a file within `filesystem`."""
        return f"{self._path}/{name}"

    def create(self) -> None:
        """Make the folder, where it is missing.

        Raises:
            StorageError: It cannot be made or written.
        """
        self.attempt(self._create)

    def kind(self, name: str = "") -> fs.FileType:
        """What lies at a name in the folder, or at the folder's own.

        Raises:
            StorageError: That cannot be told.
        """
        path = self.path_of(name) if name else self._path
        return self.attempt(lambda: self.filesystem.get_file_info(path)).type

    def files(self) -> dict[str, int]:
        """Size in bytes of each file by name."""
        selector = fs.FileSelector(self._path, allow_not_found=True)
        found = self.filesystem.get_file_info(selector)
        return {info.base_name: info.size for info in found if info.type is fs.FileType.File}

    def get(self, name: str) -> bytes | None:
        """What a file holds, None where there is none.

        Raises:
            StorageError: It cannot be read.
        """
        data: bytes | None = self.attempt(lambda: self._read(name))
        return data

    def put(self, name: str, data: Any) -> None:
        """Write a file; it is durable, and visible whole, when this returns.

        Raises:
            StorageError: It cannot be written.
        """
        self.attempt(lambda: self._put(name, data))

    def delete(self, name: str) -> None:
        """Delete a file.

        Raises:
            FileNotFoundError: There is no such file.
        """
        self.filesystem.delete_file(self.path_of(name))

    def upload(self, folder: Path, name: str) -> None:
        """Copy a local folder of files to the folder `name` in this one.

        Raises:
            StorageError: It cannot be written.
        """
        inside = Storage(self.path_of(name), self.filesystem)
        inside.create()
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            inside.put(file.name, file.read_bytes())

    def download(self, folder: Path) -> None:
        """Copy the files of this folder to a local one.

        Raises:
            StorageError: They cannot be read.
        """
        for name in self.attempt(self.files):
            (folder / name).write_bytes(self.get(name) or b"")

    def probe(self) -> None:
        """Write a small file and delete it again; a folder that was not there is not there then.

        Raises:
            StorageError: The folder cannot be written.
        """
        name = f".probe-{uuid.uuid4().hex[:12]}"
        is_new = self.kind() is fs.FileType.NotFound
        if self.filesystem.type_name not in _OBJECT_STORES:
            self.create()
        self.put(name, b"written to see whether that is possible")
        self.attempt(lambda: self.delete(name))
        if is_new and self.is_local:
            with suppress(OSError):  # somebody else uses it already
                Path(self._path).rmdir()

    def attempt(self, action: Callable[[], Any]) -> Any:
        """What `action` gives.

        Raises:
            StorageError: The storage failed; the message says what to look at.
        """
        try:
            return action()
        except OSError as error:
            raise StorageError(
                f"cannot use {self.uri}: {error}; check the address, its permissions and the space"
                " left"
            ) from error

    def _create(self) -> None:
        if self.is_local:
            _create_local(Path(self._path))
        else:
            self.filesystem.create_dir(self._path, recursive=True)

    def _put(self, name: str, data: Any) -> None:
        temporary = f".{name}.tmp-{uuid.uuid4().hex[:8]}"
        if self.is_local:
            _put_local(Path(self._path), name, temporary, data)
        elif self.filesystem.type_name in _OBJECT_STORES:
            self._write(name, data)
        else:
            self._write(temporary, data)
            self.filesystem.move(self.path_of(temporary), self.path_of(name))

    def _write(self, name: str, data: Any) -> None:
        with self.filesystem.open_output_stream(self.path_of(name)) as file:
            file.write(data)

    def _read(self, name: str) -> bytes | None:
        try:
            with self.filesystem.open_input_stream(self.path_of(name)) as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None


def mounted(path: str | Path, filesystem: Any) -> str:
    """An address, good in this process, of a path in a filesystem of the caller's.

    Args:
        path: Within the filesystem, as it spells paths.
        filesystem: A `pyarrow.fs.FileSystem`.

    Raises:
        InputError: It is no filesystem of Arrow's.
    """
    if not isinstance(filesystem, fs.FileSystem):
        raise InputError(f"storage_filesystem is {filesystem!r}: give a pyarrow.fs.FileSystem")
    known = next((mount for mount, one in _MOUNTS.items() if one is filesystem), None)
    mount = known or f"{_MOUNT}{len(_MOUNTS)}"
    _MOUNTS[mount] = filesystem
    return f"{mount}://{path}"


def is_uri(text: str | Path) -> bool:
    """Whether an address names its kind of storage; a plain path does not."""
    return "://" in str(text)


def is_remote(uri: str | Path) -> bool:
    """Whether an address means the same on every machine."""
    return is_uri(uri) and not str(uri).startswith(("file://", _MOUNT))


def told(uri: str | Path) -> str:
    """An address as it is kept and shown: without the key that it may have been given with.

    This process opens it, and what is in it, with that key all the same; any other has to be given
    it anew, by the environment or an address.
    """
    base, options = _options(str(uri))
    user = _USER.match(base)
    if user is None:
        return str(uri)
    # Of S3 the name is one half of the key; elsewhere it says who, or where.
    name = "" if user["scheme"] == "s3://" else f"{user['name']}@"
    place = base[user.end() :].rstrip("/")
    given, without = f"{user[0]}{place}", f"{user['scheme']}{name}{place}"
    if place and given != without:
        _GIVEN[without] = given
    return f"{without}{options}"


def join(uri: str | Path, name: str) -> str:
    """The address of a folder within one."""
    base, options = _options(str(uri))
    scheme, path = _parts(base)
    # Where nothing is before the name a slash would make it the root's.
    folder = f"{path.rstrip('/')}/" if path else ""
    return f"{scheme}{folder}{name}{options}"


def split(uri: str | Path) -> tuple[str, str]:
    """The address of the folder that one is in, and its name there; a bucket's is in `s3://`.

    Raises:
        InputError: It has no name: it is the root, or nothing.
    """
    base, options = _options(str(uri))
    scheme, path = _parts(base)
    parent, slash, name = path.rstrip("/").rpartition("/")
    if not name:
        raise InputError(f"{told(uri)!r} does not name a folder: add a name to it")
    here = "" if scheme else "."
    return f"{scheme}{parent or slash or here}{options}", name


def _options(uri: str) -> tuple[str, str]:
    """An address, and what follows it from a `?` on; a plain path has no such thing."""
    base, mark, options = uri.partition("?") if is_uri(uri) else (uri, "", "")
    return base, mark + options


def _parts(base: str) -> tuple[str, str]:
    """The scheme of an address with its `://`, "" where there is none, and the path after it."""
    scheme, mark, path = base.partition("://")
    return (scheme + mark, path) if mark else ("", base)


def _with_key(uri: str) -> str:
    """An address with the key that this process was given for it, or for a folder above it."""
    base, options = _options(uri)
    above = [known for known in list(_GIVEN) if f"{base}/".startswith(f"{known}/")]
    if not above:
        return uri
    nearest = max(above, key=len)
    return f"{_GIVEN[nearest]}{base[len(nearest) :]}{options}"


def _resolve(uri: str, filesystem: Any | None) -> tuple[Any, str]:
    """Filesystem and path of an address; a local path needs no scheme."""
    if filesystem is not None:
        return filesystem, uri.rstrip("/")
    mount, _, path = uri.partition("://")
    if mount in _MOUNTS:
        return _MOUNTS[mount], path.rstrip("/")
    if not is_uri(uri):
        return fs.LocalFileSystem(), str(Path(uri).expanduser().absolute())
    opened, shown = _with_key(uri), told(uri)
    try:
        found, path = fs.FileSystem.from_uri(opened)
    except (pa.ArrowException, OSError, ValueError) as error:
        # What Arrow says quotes the address, key and all: so it is not chained either.
        text = str(error).replace(_options(opened)[0], _options(shown)[0])
        raise InputError(f"cannot use {shown}: {text}") from None
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
