"""Features of the memory that tiles touch: working sets and arithmetic intensity by depth."""

import numpy as np

from dgtl_ray.space.encoding.view import Columns, View, log2

# Depths whose working set is told: from this tile level inwards.
DEPTHS = {"SSRSRS": (1, 2, 3, 4, 5), "SSSRRSRS": (1, 3, 4, 6)}


def footprint_features(view: View, out: Columns) -> None:
    """For each depth: log2 bytes of the operands and in all, against the caches, and intensity."""
    tiling, device = view.tiling, view.device
    for depth in DEPTHS[view.nest.levels]:
        reads = [tiling.bytes_inside(access, depth, depth) for access in view.nest.reads]
        written = tiling.bytes_inside(view.nest.write, depth, depth)
        for slot in range(len(view.reads)):
            out.add(
                f"log2 bytes read{slot} depth {depth}",
                log2(reads[slot]) if slot < len(reads) else 0.0,
            )
        total = log2(sum(reads, written))
        out.add(f"log2 bytes write depth {depth}", log2(written))
        out.add(f"log2 bytes depth {depth}", total)
        out.add(f"log2 bytes/near cache depth {depth}", total - log2(device.shared_memory_bytes))
        out.add(f"log2 bytes/far cache depth {depth}", total - log2(device.cache_bytes))
        points = sum(
            (tiling.log_inner(axis, depth) for axis in range(len(view.nest.axes))),
            np.zeros(tiling.count, dtype=np.float32),
        )
        out.add(f"log2 intensity depth {depth}", points + 1.0 - total)
