"""New files and folders that appear whole or not at all."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dgtl_ray.core.errors import InputError


def new_file(file: str) -> Path:
    """A file that is to be written.

    Raises:
        InputError: It exists, or there is no folder for it.
    """
    target = Path(file).expanduser().absolute()
    if target.exists():
        raise InputError(f"{file} exists already: name a new file to export to")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent} for {file}")
    return target


def new_folder(folder: str) -> Path:
    """A folder that is to be written: there is none yet, or an empty one.

    Raises:
        InputError: There is something.
    """
    target = Path(folder).expanduser().absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{target} exists already: name a new or empty folder to export to")
    return target


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A hidden file to write, beside the new one whose name it then takes.

    Raises:
        InputError: It cannot be written; nothing of it is left.
    """
    with _appearing(target, "file", lambda hidden: hidden.unlink(missing_ok=True)) as hidden:
        yield hidden


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A hidden folder to write into, beside the new one whose name it then takes.

    Raises:
        InputError: It cannot be written; nothing of it is left.
    """
    remove = partial(shutil.rmtree, ignore_errors=True)
    with _appearing(target, "folder", remove) as hidden:
        hidden.mkdir(parents=True)
        yield hidden


@contextmanager
def _appearing(target: Path, what: str, remove: Callable[[Path], None]) -> Iterator[Path]:
    """A hidden place that takes the target's name, or is removed."""
    hidden = _hidden(target)
    try:
        yield hidden
        hidden.rename(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error}; choose another {what}") from error
    finally:
        remove(hidden)


def _hidden(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
