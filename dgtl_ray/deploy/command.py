"""Runs a saved module once on files, for the command line."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow.fs import FileType

from dgtl_ray.core.errors import InputError
from dgtl_ray.deploy.layout import MODULE, REJECTED
from dgtl_ray.deploy.loading import load
from dgtl_ray.deploy.server import random_inputs
from dgtl_ray.storage import Storage, join


def run_module(
    directory: str, inputs: Sequence[Path], output: Path | None, threads: int | None = None
) -> list[dict[str, str | float]]:
    """Run a module on `.npy` files, or on random numbers where none are given: zeros for integers.

    Args:
        directory: Folder or address of the module, or of the run that made it.
        inputs: One file for each input of the network.
        output: Where the first output is written, as `.npy`.
        threads: How many run it; see `load`.

    Returns:
        One row an output: its shape, range, and the seconds that the run took.

    Raises:
        InputError: A file cannot be read or written, or does not fit the network.
        DeployError: The module failed verification.
        DeviceError: The module was built for another kind of device.
    """
    module = load(_module_of(directory), threads=threads)
    arrays = [_read(path) for path in inputs] or random_inputs(module.metadata.inputs)
    start_s = time.perf_counter()
    outputs = module(*arrays)
    wall_s = time.perf_counter() - start_s
    all_outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    if output is not None:
        _write(output, all_outputs[0])
    return [_row(k, array, wall_s) for k, array in enumerate(all_outputs)]


def _module_of(directory: str) -> str:
    """Where the module is: there, or in the run that is there; one that failed, to be told so."""
    for name in (MODULE, REJECTED):
        if Storage(directory).kind(name) is FileType.Directory:
            return join(directory, name)
    return directory


def _row(number: int, array: Any, wall_s: float) -> dict[str, str | float]:
    return {
        "output": number,
        "shape": "x".join(map(str, array.shape)),
        "dtype": str(array.dtype),
        "min": float(array.min()),
        "max": float(array.max()),
        "argmax": int(array.argmax()),
        "run_ms": wall_s * 1e3,
    }


def _read(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot read {path}: {error}; give an array saved by numpy.save"
        ) from error


def _write(path: Path, array: Any) -> None:
    try:
        np.save(path, array)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
