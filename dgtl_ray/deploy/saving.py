"""Saving a compiled network, whole or not at all."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dgtl_ray.core.errors import DeployError
from dgtl_ray.deploy.compiling import CompiledNetwork
from dgtl_ray.deploy.layout import LIBRARY, METADATA, WEIGHTS, sha256
from dgtl_ray.deploy.metadata import ModuleMetadata
from dgtl_ray.deploy.placing import replace_module
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
        replace_module(Path(directory), lambda fresh: _write(compiled, fresh, metadata))
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

    replace_module(directory, write)


def note_fault(directory: Path, fault: str) -> None:
    """Say in a saved module's metadata how its answers are wrong; "" that they are right.

    Nobody loads one with a fault.
    """
    path = directory / METADATA
    path.write_text(replace(ModuleMetadata.from_json(path.read_text()), fault=fault).to_json())


def _write(compiled: CompiledNetwork, directory: Path, metadata: ModuleMetadata) -> None:
    compiled.executable.export_library(str(directory / LIBRARY), fcompile=link_shared)
    write_weights(directory / WEIGHTS, compiled.weights)
    files = {name: sha256(directory / name) for name in (LIBRARY, WEIGHTS)}
    complete = replace(metadata, outputs=compiled.outputs, files=files)
    (directory / METADATA).write_text(complete.to_json())
