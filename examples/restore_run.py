"""Go on with a run that ended, or was killed: nothing is measured twice.

python examples/restore_run.py [FOLDER]
"""

import sys

import dgtl_ray


def kernel(config: dict[str, int]) -> float:
    return 1e-3 * (1 + abs(config["x"] - 12))


def main(folder: str = "runs/restored") -> None:
    dgtl_ray.Tuner(
        kernel,
        param_space={"x": dgtl_ray.randint(0, 40)},
        tune_config=dgtl_ray.TuneConfig(num_samples=5),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="run"),
    ).fit()
    path = f"{folder}/run"
    assert dgtl_ray.Tuner.can_restore(path)
    more = dgtl_ray.TuneConfig(num_samples=10)
    grid = dgtl_ray.Tuner.restore(path, kernel, tune_config=more).fit()
    print(len(grid), "trials, the best:", grid.get_best_result().config)


if __name__ == "__main__":
    main(*sys.argv[1:])
