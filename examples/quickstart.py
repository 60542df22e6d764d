"""Tune any function of parameters: it returns seconds, and what is fastest is found.

python examples/quickstart.py [FOLDER [TRIALS]]
"""

import sys
import time
from typing import Any

import dgtl_ray


def kernel(config: dict[str, Any]) -> float:
    """Stands for whatever you build and time; returns seconds."""
    start = time.perf_counter()
    numbers = list(range(20_000))
    for begin in range(0, len(numbers), config["chunk"]):
        sum(numbers[begin : begin + config["chunk"]])
    return time.perf_counter() - start


def main(folder: str = "runs/quickstart", trials: str = "20") -> None:
    grid = dgtl_ray.Tuner(
        kernel,
        param_space={"chunk": dgtl_ray.choice([1, 4, 16, 64, 256, 1024])},
        tune_config=dgtl_ray.TuneConfig(num_samples=int(trials)),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="first"),
    ).fit()
    best = grid.get_best_result()
    print("fastest:", best.config, best.metrics["latency_s"], "s")


if __name__ == "__main__":
    main(*sys.argv[1:])
