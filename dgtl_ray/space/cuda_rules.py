"""The constraints of CUDA: what TVM's own verifier of GPU code rejects, and what must spill.

The levels of a CUDA nest are blocks, virtual threads, threads, then R S R S inside a thread with
the first R staging its operands in shared memory (`LEVELS`).
"""

import numpy as np

from dgtl_ray.space.limits import MAX_REGISTERS_PER_THREAD, MAX_VTHREADS, Limits
from dgtl_ray.space.nest import Extents
from dgtl_ray.space.rules import Mask, Rule
from dgtl_ray.space.tiling import Tiling

BLOCK, VTHREAD, THREAD, STAGE = 0, 1, 2, 3
_INNER = (5, 7)  # the spatial levels inside a thread


def threads(tiling: Tiling) -> Extents:
    """(n,) threads of a block."""
    return tiling.product(THREAD)


def accumulators(tiling: Tiling) -> Extents:
    """(n,) partial results that one thread holds, those of its virtual threads included."""
    outer, inner = (tiling.product(level) for level in _INNER)
    return tiling.product(VTHREAD) * outer * inner


def staged_bytes(tiling: Tiling) -> tuple[Extents, ...]:
    """(n,) for each operand read: the bytes a block stages in shared memory at a time.

    A tile is staged inside the outermost reduction level, for all threads of the block.
    """
    reads = tiling.nest.reads
    return tuple(tiling.bytes_inside(access, VTHREAD, STAGE + 1) for access in reads)


def staged_elements(tiling: Tiling) -> tuple[Extents, ...]:
    """(n,) for each operand read: the elements of the tile in shared memory."""
    reads = zip(staged_bytes(tiling), tiling.nest.reads, strict=True)
    return tuple(size // access.element_bytes for size, access in reads)


def shared_bytes(tiling: Tiling) -> Extents:
    """(n,) shared memory of a block: every operand's tile, once for each stage of a pipeline."""
    one_stage = sum(staged_bytes(tiling), np.zeros(tiling.count, np.int64))
    return one_stage * tiling.sketch.stages


def _enough_threads(tiling: Tiling, _: Limits) -> Mask:
    return threads(tiling) >= tiling.sketch.thread_range[0]


def _threads_fit(tiling: Tiling, limits: Limits) -> Mask:
    asked = tiling.sketch.thread_range[1] or limits.threads_per_block
    return threads(tiling) <= min(asked, limits.threads_per_block)


def _vthreads_fit(tiling: Tiling, _: Limits) -> Mask:
    return tiling.product(VTHREAD) <= MAX_VTHREADS


def _registers_fit(tiling: Tiling, limits: Limits) -> Mask:
    """Accumulators beyond the registers live in memory: no such configuration is fast."""
    held = accumulators(tiling)
    per_block = held * threads(tiling)
    return (held <= MAX_REGISTERS_PER_THREAD) & (per_block <= limits.registers_per_block)


def _pipeline_runs(tiling: Tiling, _: Limits) -> Mask:
    """TVM overlaps the iterations of the staging loop, so it must have more than one."""
    if tiling.sketch.stages == 1:
        return np.ones(tiling.count, dtype=np.bool_)
    return tiling.product(STAGE) > 1


def _shared_memory_fits(tiling: Tiling, limits: Limits) -> Mask:
    return shared_bytes(tiling) <= limits.shared_bytes_per_block


def _fetches_divide(tiling: Tiling, _: Limits) -> Mask:
    """TVM fetches element by element where a vector does not divide the staged tile.

    So such a vector length is another name for a length of one, which is in the space already.
    """
    mask = np.ones(tiling.count, dtype=np.bool_)
    for slot, elements in enumerate(staged_elements(tiling)):
        vector = tiling.value(f"fetch {slot}")
        if vector is not None:
            mask &= elements % vector == 0
    return mask


RULES = (
    Rule(holds=_enough_threads, spatial=True),
    Rule(holds=_threads_fit, ceiling=True),
    Rule(holds=_vthreads_fit, ceiling=True),
    Rule(holds=_registers_fit, ceiling=True),
    Rule(holds=_pipeline_runs),
    Rule(holds=_shared_memory_fits, ceiling=True),
    Rule(holds=_fetches_divide),
)
