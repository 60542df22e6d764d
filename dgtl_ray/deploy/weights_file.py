"""The file of weights: arrays in NumPy's format, one after the other."""

import ctypes
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from numpy.lib import format as npy
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError

Array = NDArray[Any]


def write_weights(path: Path, weights: Iterable[Array]) -> None:
    """Write arrays, one after the other."""
    with path.open("wb") as file:
        for array in weights:
            np.save(file, np.asarray(array, order="C"), allow_pickle=False)


def read_weights(path: Path, device: Any) -> Iterator[Any]:
    """Tensors on `device`, in the order in which they were written.

    They are read into the device's memory where it is the host's: nothing is held twice.

    Raises:
        InputError: The file is damaged.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < end:
            try:
                tensor = _read(file)
            except (ValueError, EOFError) as error:
                raise InputError(f"{path} is damaged ({error}): save the module again") from error
            yield tensor if tensor.device == device else tensor.copyto(device)


def _read(file: BufferedReader) -> Any:
    """The next array, as a tensor on the host.

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
    tensor = tvm.runtime.empty(shape, str(dtype))
    size_bytes = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    memory = (ctypes.c_byte * size_bytes).from_address(tensor.data_ptr())
    if file.readinto(memory) != size_bytes:
        raise EOFError("it ends within an array")
    return tensor
