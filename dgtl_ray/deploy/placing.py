"""Putting a module's folder into the place of another, whole or not at all. It needs no TVM."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dgtl_ray.core.errors import InputError
from dgtl_ray.deploy.layout import FILES


def replace_module(directory: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside, and rename that to `directory`.

    Raises:
        InputError: `directory` holds something else, or cannot be written.
    """
    with _room_beside(directory) as (place, scratch):
        fresh = scratch / "fresh"
        fresh.mkdir()
        write(fresh)
        _swap_in(fresh, place, scratch)


def move_module(module: Path, directory: Path) -> None:
    """Put a saved module into the place of the one that may be in `directory`.

    Args:
        module: Where it is, on the same file system.
        directory: Where it is to be.

    Raises:
        InputError: `directory` holds something else, or cannot be written.
    """
    with _room_beside(directory) as (place, scratch):
        _swap_in(module, place, scratch)


@contextmanager
def _room_beside(directory: Path) -> Iterator[tuple[Path, Path]]:
    """`directory`, which may be replaced, and a folder beside that lasts for the block."""
    directory = directory.resolve()
    _check_replaceable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".module-") as scratch:
            yield directory, Path(scratch)
    except OSError as error:
        raise InputError(f"cannot save the module to {directory}: {error}") from error


def _swap_in(fresh: Path, directory: Path, scratch: Path) -> None:
    """Rename `fresh` to `directory`; what was there goes with `scratch`."""
    if directory.exists():
        directory.rename(scratch / "replaced")
    fresh.rename(directory)


def _check_replaceable(directory: Path) -> None:
    """Never delete what is no module of ours."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise InputError(f"cannot save the module to {directory}: it is a file")
    foreign = sorted({entry.name for entry in directory.iterdir()} - set(FILES))
    if foreign:
        raise InputError(
            f"cannot save the module to {directory}: it holds {foreign[0]}; give a new directory"
        )
