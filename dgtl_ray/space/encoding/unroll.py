"""How far loops are unrolled."""

import numpy as np

from dgtl_ray.space.encoding.view import Columns, View, log2


def unroll_features(view: View, out: Columns, steps: tuple[int, ...]) -> None:
    """One column for each limit of TVM's rules, and the limit's logarithm."""
    chosen = view.tiling.value("unroll")
    limit = np.zeros(view.tiling.count, dtype=np.int64) if chosen is None else chosen
    for step in steps:
        out.add(f"unroll {step}", limit == step)
    out.add("log2 unroll", log2(limit + 1))
