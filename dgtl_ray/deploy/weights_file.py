"""The file of weights: arrays in NumPy's format, one after the other."""

import math
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from numpy.lib import format as npy
from numpy.typing import NDArray
from tvm_ffi import from_dlpack

from dgtl_ray.core.errors import InputError
from dgtl_ray.measure.huge_memory import HugeMemory

Array = NDArray[Any]


def write_weights(path: Path, weights: Iterable[Array]) -> None:
    """Write arrays, one after the other."""
    with path.open("wb") as file:
        for array in weights:
            np.save(file, np.asarray(array, order="C"), allow_pickle=False)


def read_weights(path: Path, device: Any) -> Iterator[Any]:
    """Tensors on `device`, in the order in which they were written.

    They are read into the device's memory where it is the host's: nothing is held twice. There it
    is in huge pages, where the system has them.

    Raises:
        InputError: The file is damaged.
    """
    end, on_host = path.stat().st_size, device == tvm.cpu()
    take = HugeMemory().take if on_host else _ordinary
    with path.open("rb") as file:
        while file.tell() < end:
            try:
                array = _read(file, take)
            except (ValueError, EOFError) as error:
                raise InputError(f"{path} is damaged ({error}): save the module again") from error
            yield from_dlpack(array) if on_host else tvm.runtime.tensor(array, device)


def _ordinary(size: int) -> NDArray[np.uint8]:
    return np.empty(size, np.uint8)


def _read(file: BufferedReader, take: Callable[[int], NDArray[np.uint8]]) -> Array:
    """The next array, in memory that is taken for it.

    Raises:
        ValueError: It is no array of ours.
        EOFError: The file ends within it.
    """
    version = npy.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array of version {version}")
    shape, fortran_order, dtype = npy.read_array_header_1_0(file)
    if fortran_order or dtype.hasobject:
        raise ValueError(f"an array of {dtype} in an order that is not ours")
    memory = take(dtype.itemsize * math.prod(shape))
    if file.readinto(memory.data) != len(memory):
        raise EOFError("it ends within an array")
    return memory.view(dtype).reshape(shape)
