"""Begin with what another team measured with Kernel Tuner on another device.

pip install 'dgtl_ray[tune]'; python examples/another_teams_history.py [FOLDER [TRIALS]]
"""

import json
import sys
from itertools import product
from pathlib import Path

from ray import tune

import dgtl_ray
from dgtl_ray.cli import app

SPACE = {"block_size_x": [16, 32, 64, 128, 256], "tile": [1, 2, 4, 8], "use_shared": [0, 1]}


def latency_s(config: dict[str, int], *, sweet: int) -> float:
    """Stands for a kernel on a device whose best block is `sweet`; returns seconds."""
    far = abs(config["block_size_x"] * config["tile"] - sweet) / sweet
    return 1e-3 * (1 + far + 0.5 * (not config["use_shared"]))


def their_cache() -> str:
    """What Kernel Tuner leaves of their A100: milliseconds."""
    configs = [dict(zip(SPACE, values, strict=True)) for values in product(*SPACE.values())]
    cache = {str(c): {**c, "time": 1e3 * latency_s(c, sweet=256)} for c in configs}
    told = {"device_name": "NVIDIA A100", "tune_params_keys": list(SPACE), "cache": cache}
    return json.dumps(told)


def main(folder: str = "runs/theirs", trials: str = "8") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    file, theirs = f"{folder}/stencil.json", f"{folder}/theirs"
    Path(file).write_text(their_cache())
    app(["history", "import", file, "--into", theirs], standalone_mode=False)
    grid = dgtl_ray.Tuner(
        tune.with_parameters(latency_s, sweet=512),
        param_space=SPACE,
        restrictions=["block_size_x * tile <= 1024"],
        history=[theirs],
        tune_config=dgtl_ray.TuneConfig(num_samples=int(trials)),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="tuned"),
    ).fit()
    print("fastest:", grid.get_best_result().config, "first:", grid[0].config)


if __name__ == "__main__":
    main(*sys.argv[1:])
