"""What a target allows, and what is known to be pointless to build."""

from dataclasses import asdict, dataclass
from typing import Any

# TVM's own limits for CUDA code (its GPU verifier takes them as given).
MAX_VTHREADS = 8
MAX_VECTOR_BYTES = 16
# A thread has at most this many registers; accumulators beyond them spill into memory.
MAX_REGISTERS_PER_THREAD = 255


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a target; 0 where it has no such limit.

    Attributes:
        threads_per_block: Most threads of a block.
        shared_bytes_per_block: Most shared memory of a block.
        registers_per_block: Registers that the threads of a block share.
        warp_size: Threads that run in step.
        parallel_jobs: The parallel extent up to which outer loops are fused on a CPU.
        unrolled_accumulators: Most accumulators of a CPU's innermost tile, whose code LLVM
            writes out in full.
    """

    threads_per_block: int = 0
    shared_bytes_per_block: int = 0
    registers_per_block: int = 0
    warp_size: int = 0
    parallel_jobs: int = 0
    unrolled_accumulators: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


# LLVM writes the innermost tile of a CPU kernel out in full; its time grows with it.
CPU_UNROLLED_ACCUMULATORS = 4096
