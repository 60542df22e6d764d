"""Ray Tune runs the trials, and our search proposes them, with what another size taught.

pip install 'dgtl_ray[tune]'
python examples/ray_tune_searcher.py [FOLDER [TRIALS]]
"""

import sys
from pathlib import Path

from ray import tune

import dgtl_ray


def kernel(config: dict[str, int], *, size: int) -> dict[str, float]:
    """Stands for a kernel of some size."""
    seconds = 1e-6 * size / config["block"] * (config["block"] + 20 + abs(config["unroll"] - 4))
    return {"latency_s": seconds}


def main(folder: str = "runs/ray_tune", trials: str = "10") -> None:
    space = {"block": [8, 16, 32, 64, 128, 256], "unroll": [1, 2, 4, 8, 16]}
    dgtl_ray.Tuner(
        tune.with_parameters(kernel, size=1000),
        param_space=space,
        tune_config=dgtl_ray.TuneConfig(num_samples=12, search_alg="random"),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="small"),
    ).fit()
    search = dgtl_ray.DgtlSearch(history=[f"{folder}/small/history"])
    grid = tune.Tuner(
        tune.with_parameters(kernel, size=4000),
        param_space={name: tune.choice(values) for name, values in space.items()},
        tune_config=tune.TuneConfig(
            search_alg=search,
            metric="latency_s",
            mode="min",
            num_samples=int(trials),
            max_concurrent_trials=1,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(Path(folder).resolve()), name="large"),
    ).fit()
    print("fastest:", grid.get_best_result().config)


if __name__ == "__main__":
    main(*sys.argv[1:])
