"""What a target allows, and what is known to be pointless to build."""

from dataclasses import asdict, dataclass
from typing import Any

# TVM's verifier of GPU code takes this as given.
MAX_VTHREADS = 8
# Of every NVIDIA architecture; what a thread holds beyond them spills into memory.
MAX_REGISTERS_PER_THREAD = 255
# Points of a CPU kernel's innermost loops written out in full: 1,024 AVX-512 operations, at some
# 30 bytes each with their loads, fill the instruction cache of a core (32 KiB), and LLVM needs
# seconds for more.
MAX_UNROLLED_POINTS = 16_384


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a target; 0 where they mean nothing to its kind.

    Attributes:
        threads_per_block: Most threads of a block.
        shared_bytes_per_block: Most shared memory of a block.
        registers_per_block: Registers that the threads of a block share.
        warp_size: Threads that run in step.
        unrolled_points: Most points of a CPU's loop body written out in full.
    """

    threads_per_block: int = 0
    shared_bytes_per_block: int = 0
    registers_per_block: int = 0
    warp_size: int = 0
    unrolled_points: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
