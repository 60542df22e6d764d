"""Memory for weights in huge pages, where the system has them to give.

What streams through a weight in ordinary pages misses the TLB every 4 KiB, and on a virtual machine
a miss is dear: ResNet-18 and AlexNet take a fifth to a quarter less time with their weights in huge
pages. Most systems give these only to those who ask.

Only what has loaded TVM imports this.
"""

import mmap
from typing import Any

import numpy as np
import tvm_ffi
from numpy.typing import NDArray

_HUGE_BYTES = 2 << 20
_BLOCK_BYTES = 32 << 20
# Where TVM's kernels take arguments to begin.
_ALIGNMENT_BYTES = 64
_ASK = getattr(mmap, "MADV_HUGEPAGE", None)


class HugeMemory:
    """Gives memory piece by piece. A piece lives as long as somebody holds it."""

    def __init__(self) -> None:
        self._block = np.empty(0, np.uint8)
        self._at = 0

    def take(self, size: int) -> NDArray[np.uint8]:
        """The next `size` bytes, of unknown content, as kernels want them aligned."""
        if self._at + size > len(self._block):
            self._block, self._at = _block(max(size, _BLOCK_BYTES)), 0
        piece = self._block[self._at : self._at + size]
        self._at += -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
        return piece

    def tensor(self, array: NDArray[Any]) -> Any:
        """A copy of an array, as TVM's tensor on the host."""
        copy = self.take(array.nbytes).view(array.dtype).reshape(array.shape)
        copy[...] = array
        return tvm_ffi.from_dlpack(copy)


def _block(size: int) -> NDArray[np.uint8]:
    """Fresh memory that begins with a huge page."""
    whole = -(-size // _HUGE_BYTES) * _HUGE_BYTES + _HUGE_BYTES
    memory = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if _ASK is not None:
        _ask(memory, _ASK)
    found = np.frombuffer(memory, np.uint8)
    return found[-found.ctypes.data % _HUGE_BYTES :][:size]


def _ask(memory: mmap.mmap, advice: int) -> None:
    """Ask for huge pages; a kernel that was built without any says no, and ordinary ones do."""
    try:
        memory.madvise(advice)
    except OSError:
        return
