"""What a target allows, and what is known to be pointless to build."""

from dataclasses import asdict, dataclass
from typing import Any

# TVM's verifier of GPU code takes this as given.
MAX_VTHREADS = 8
# Of every NVIDIA architecture; what a thread holds beyond them spills into memory.
MAX_REGISTERS_PER_THREAD = 255
# Points of a CPU kernel's innermost loops written out in full. On ResNet-18 a build took a quarter
# of a second up to 256 points, a second on average beyond 1,024, three at worst; what was fastest
# lay below.
MAX_UNROLLED_POINTS = 1_024
# Elements that a CPU kernel's innermost loop must write at once: half of the widest vector of
# float32. Of 204 configurations of ResNet-18's convolutions the narrower ones took half as long
# again to build and ran 5 to 14 times as long in the median; the fastest of them took 1.33 times as
# long as its layer's best.
MIN_VECTOR_POINTS = 4
MIN_WIDE_VECTOR_POINTS = 8


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a target; 0 where they mean nothing to its kind.

    Attributes:
        threads_per_block: Most threads of a block.
        shared_bytes_per_block: Most shared memory of a block.
        registers_per_block: Registers that the threads of a block share.
        warp_size: Threads that run in step.
        unrolled_points: Most points of a CPU's loop body written out in full.
        vector_points: Fewest elements that a CPU's innermost loop writes at once, where the layer
            has as many side by side.
    """

    threads_per_block: int = 0
    shared_bytes_per_block: int = 0
    registers_per_block: int = 0
    warp_size: int = 0
    unrolled_points: int = 0
    vector_points: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
