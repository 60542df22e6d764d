"""A run of a function, to be killed: python -m tests.killed_function FOLDER ADDRESS."""

import sys
import time
from pathlib import Path
from typing import Any

import dgtl_ray
from tests.functions import PARAMETERS, RESTRICTIONS, latency_s


class Slow:
    """`latency_s`, a line in a file for each call, and a moment that it takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, config: dict[str, Any]) -> float:
        with (self.folder / "calls").open("a") as log:
            log.write(f"{config}\n")
        time.sleep(0.1)
        return latency_s(config)


def tuner(folder: Path, address: str = "auto") -> dgtl_ray.Tuner:
    return dgtl_ray.Tuner(
        Slow(folder),
        param_space=PARAMETERS,
        restrictions=RESTRICTIONS,
        tune_config=dgtl_ray.TuneConfig(
            num_samples=24, search_alg="random", max_concurrent_trials=1
        ),
        run_config=dgtl_ray.RunConfig(name="run", storage_path=folder, address=address),
    )


if __name__ == "__main__":
    tuner(Path(sys.argv[1]), sys.argv[2]).fit()
