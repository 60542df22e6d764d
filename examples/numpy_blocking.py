"""Tune the blocks in which NumPy multiplies: several metrics, a restriction, a failure.

python examples/numpy_blocking.py [FOLDER [TRIALS]]
"""

import sys
import time
from typing import Any

import numpy as np

import dgtl_ray

SIZE = 256


def blocked(config: dict[str, Any]) -> dict[str, float]:
    """Seconds, and bytes of a block."""
    (outer, inner), depth = config["rows"], config["depth"]
    if inner == 1:
        raise ValueError("blocks of one row take too long")
    a, b = np.ones((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)
    c = np.zeros_like(a)
    start = time.perf_counter()
    for block in range(outer):
        rows = slice(block * inner, (block + 1) * inner)
        for k in range(0, SIZE, depth):
            c[rows] += a[rows, k : k + depth] @ b[k : k + depth]
    return {"latency_s": time.perf_counter() - start, "block_bytes": 4.0 * inner * depth}


def main(folder: str = "runs/numpy", trials: str = "20") -> None:
    grid = dgtl_ray.Tuner(
        blocked,
        param_space={"rows": dgtl_ray.tile(SIZE), "depth": [16, 32, 64, 128, 256]},
        restrictions=["rows[1] * depth <= 16384"],
        tune_config=dgtl_ray.TuneConfig(num_samples=int(trials), max_concurrent_trials=1),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="tuned"),
    ).fit()
    print("fastest:", grid.get_best_result().config, "failed:", grid.num_errors)
    print("smallest:", grid.get_best_result("block_bytes", "min").config)


if __name__ == "__main__":
    main(*sys.argv[1:])
