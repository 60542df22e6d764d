"""Reads files that anybody may have written, within bounds."""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from dgtl_ray.core.errors import InputError

_GZIP = b"\x1f\x8b"
_LFS = b"version https://git-lfs.github.com/spec/"
HEAD_BYTES = 1 << 16
# What is read at most, decompressed. An import takes some thirteen times as much memory, so up to
# 3.5 GB; of a file made to harm, nothing but empty objects, twenty-two times, 5.5 GB.
MOST_BYTES = 1 << 28
_MOST_LINE_BYTES = 1 << 24
_UNREADABLE = (OSError, EOFError, zlib.error)


def head_of(path: Path) -> bytes:
    """The first bytes of a file, decompressed; none of a folder.

    Raises:
        InputError: It cannot be read, is empty, or stands for a file that was not fetched.
    """
    with reading(path):
        if path.is_dir():
            return b""
        with _opened(path) as file:
            head = file.read(HEAD_BYTES)
    if head.startswith(_LFS):
        raise InputError(
            f"{path} is a Git LFS pointer, not the file that it stands for: run `git lfs pull`"
        )
    if not head.strip():
        raise InputError(f"{path} is empty: nothing was measured, or the copy failed")
    return head


def require_few(path: Path, read_bytes: int) -> None:
    """Check how much of a file was read, or is to be.

    Raises:
        InputError: It is more than 256 MiB.
    """
    if read_bytes > MOST_BYTES:
        raise InputError(f"{path} holds more than {MOST_BYTES >> 20} MiB: split it")


def read_text(path: Path) -> str:
    """All of a file, decompressed.

    Raises:
        InputError: As `head_of`, it is no text, or longer than 256 MiB.
    """
    head_of(path)
    with reading(path), _opened(path) as file:
        content = file.read(MOST_BYTES + 1)
        require_few(path, len(content))
        return content.decode("utf-8-sig")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line that is not empty, nor a remark after `#`.

    Raises:
        InputError: As `read_text`, or a line is longer than 16 MiB.
    """
    head_of(path)
    read_bytes = number = 0
    with reading(path), _opened(path) as file:
        while line := file.readline(_MOST_LINE_BYTES + 1):
            number += 1
            read_bytes += len(line)
            if len(line) > _MOST_LINE_BYTES:
                most = _MOST_LINE_BYTES >> 20
                raise InputError(f"{path}: line {number} is longer than {most} MiB")
            require_few(path, read_bytes)
            text = line.decode("utf-8-sig").strip()
            if text and not text.startswith("#"):
                yield number, text


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Number and value of each line; a last line that is torn off is left out.

    Raises:
        InputError: As `read_lines`, or a line that is not the last one is no JSON.
    """
    torn: InputError | None = None
    for number, text in read_lines(path):
        if torn is not None:
            raise torn
        try:
            value = parse_json(text, f"{path}: line {number}")
        except InputError as error:
            if number == 1:
                raise
            torn = error
            continue
        yield number, value


def parse_json(text: str, where: str) -> Any:
    """A value from JSON.

    Raises:
        InputError: It is none, is nested too deeply, or has a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"{where} is nested too deeply to be a record of a tuner") from None
    except ValueError as error:
        raise InputError(f"{where} is damaged: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if zipped else file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns the errors of a file or folder that cannot be read into one that says so."""
    try:
        yield
    except _UNREADABLE as error:
        raise InputError(f"cannot read {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {path}: it is no text ({error})") from error
