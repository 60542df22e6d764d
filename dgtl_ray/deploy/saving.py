"""Saving a compiled network, whole or not at all."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from dgtl_ray.core.errors import DeployError, InputError
from dgtl_ray.deploy.compiling import CompiledNetwork
from dgtl_ray.deploy.layout import FILES, LIBRARY, METADATA, WEIGHTS, sha256
from dgtl_ray.deploy.metadata import ModuleMetadata
from dgtl_ray.deploy.weights_file import write_weights
from dgtl_ray.measure.link import LinkError, link_shared


def save_module(compiled: CompiledNetwork, directory: Path | str, metadata: ModuleMetadata) -> None:
    """Save a compiled network to a directory (its layout: `dgtl_ray.deploy.layout`).

    It is written beside and then renamed, so `directory` never holds half of it. A module that was
    there is replaced.

    Args:
        compiled: What to save.
        directory: Where; its parent is made if need be.
        metadata: What to say of it; outputs and files are filled in here.

    Raises:
        InputError: `directory` holds something else, or cannot be written.
        DeployError: This machine has no linker.
    """
    try:
        _replace(Path(directory), lambda fresh: _write(compiled, fresh, metadata))
    except LinkError as error:
        raise DeployError(f"cannot link the module: {error}") from error


def save_files(files: Mapping[str, bytes], directory: Path) -> None:
    """Save a module that was compiled elsewhere: its files by name, as `save_module` left them.

    It appears as whole as there, and replaces what was there.

    Raises:
        InputError: `directory` holds something else, or cannot be written.
    """

    def write(fresh: Path) -> None:
        for name, data in files.items():
            (fresh / name).write_bytes(data)

    _replace(directory, write)


def note_fault(directory: Path, fault: str) -> None:
    """Say in a saved module's metadata that its answers are wrong, so that nobody loads it."""
    path = directory / METADATA
    path.write_text(replace(ModuleMetadata.from_json(path.read_text()), fault=fault).to_json())


def _replace(directory: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside, and rename that to `directory`."""
    directory = directory.resolve()
    _check_replaceable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".module-") as scratch:
            fresh = Path(scratch) / "fresh"
            fresh.mkdir()
            write(fresh)
            if directory.exists():
                directory.rename(Path(scratch) / "replaced")
            fresh.rename(directory)
    except OSError as error:
        raise InputError(f"cannot save the module to {directory}: {error}") from error


def _write(compiled: CompiledNetwork, directory: Path, metadata: ModuleMetadata) -> None:
    compiled.executable.export_library(str(directory / LIBRARY), fcompile=link_shared)
    write_weights(directory / WEIGHTS, compiled.weights)
    files = {name: sha256(directory / name) for name in (LIBRARY, WEIGHTS)}
    complete = replace(metadata, outputs=compiled.outputs, files=files)
    (directory / METADATA).write_text(complete.to_json())


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
