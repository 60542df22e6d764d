"""Tune a C kernel: each configuration is compiled by the system's compiler and timed.

python examples/c_kernel.py [FOLDER [TRIALS]]
"""

import ctypes
import subprocess
import sys
import tempfile
import time
from typing import Any

import dgtl_ray

SOURCE = """
static float a[256][256], b[256][256], c[256][256];
void product(void) {
    for (int i0 = 0; i0 < 256; i0 += TILE)
        for (int k = 0; k < 256; k++)
            for (int i = i0; i < i0 + TILE; i++)
                for (int j = 0; j < 256; j++)
                    c[i][j] += a[i][k] * b[k][j];
}
"""


def build_and_time(config: dict[str, Any]) -> float:
    """Seconds of one product; a build that fails is a failed trial."""
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/kernel.so"
        flags = [f"-DTILE={config['tile']}", config["optimise"], "-shared", "-fPIC", "-xc", "-"]
        subprocess.run(["cc", *flags, "-o", library], input=SOURCE.encode(), check=True)
        product = ctypes.CDLL(library).product
        start = time.perf_counter()
        product()
        return time.perf_counter() - start


def main(folder: str = "runs/c_kernel", trials: str = "12") -> None:
    grid = dgtl_ray.Tuner(
        build_and_time,
        param_space={"tile": [4, 16, 64, 256], "optimise": ["-O1", "-O2", "-O3"]},
        tune_config=dgtl_ray.TuneConfig(num_samples=int(trials), max_concurrent_trials=1),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="tuned"),
    ).fit()
    print("fastest:", grid.get_best_result().config)


if __name__ == "__main__":
    main(*sys.argv[1:])
