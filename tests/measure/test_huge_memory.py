import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dgtl_ray.measure.huge_memory import HugeMemory


def test_pieces_are_aligned_and_apart() -> None:
    memory = HugeMemory()
    pieces = [memory.take(size) for size in (1, 64, 100, 40 << 20, 0, 7)]
    for k, piece in enumerate(pieces):
        piece[:] = k
    for k, piece in enumerate(pieces):
        assert piece.ctypes.data % 64 == 0
        assert (piece == k).all()


def test_a_piece_outlives_what_it_was_taken_from() -> None:
    piece = HugeMemory().take(1 << 20)
    piece[:] = 3
    HugeMemory().take(1 << 20)[:] = 4
    assert (piece == 3).all()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.array([True, False]),
        np.array(7, dtype=np.int64),
        np.ones((2, 0), dtype=np.float16),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
    ],
)
def test_a_tensor_holds_a_copy(array: NDArray[np.generic]) -> None:
    tensor = HugeMemory().tensor(array)
    before = array.copy()
    np.testing.assert_array_equal(tensor.numpy(), before)
    assert tensor.numpy().dtype == array.dtype


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="no huge pages here"
)
def test_huge_pages_are_asked_for() -> None:
    piece = HugeMemory().take(8 << 20)
    assert piece.ctypes.data % (2 << 20) == 0
    assert "hg" in flags_of(piece.ctypes.data)


def flags_of(address: int) -> list[str]:
    """Of the mapping that an address of this process lies in."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(found[1], 16) <= address < int(found[2], 16)
        elif inside and line.startswith("VmFlags:"):
            return line.split()[1:]
    return []
