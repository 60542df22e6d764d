"""MetaSchedule's rate on given tasks, measured in a process of its own.

Reads a request as JSON from standard input and writes the answer as its last line of output:
`{"programs": {name: module}, "target": …, "trials": …, "per_round": …, "population": …,
"workers": …, "seed": …}`
-> `{"trials": …, "failed": …, "wall_s": …}`, of what follows the first round.
"""

import json
import sys
import tempfile
from typing import Any


def main() -> None:
    """Tune as users do (`tune_tir`, XGBoost cost model)."""
    request = json.load(sys.stdin)
    answer = measure(request)
    sys.stdout.write(json.dumps(answer) + "\n")


def measure(request: dict[str, Any]) -> dict[str, float]:
    """Trials, failures and wall-clock seconds of one `tune_tir` over all the programs.

    The first round is left out: it reads the design spaces, and workers import what they need.
    """
    import tvm
    from tvm.s_tir import meta_schedule as ms

    from dgtl_ray.bench.tools.intrinsics import import_intrinsics
    from dgtl_ray.bench.tools.round_runner import RoundRunner, after_first
    from dgtl_ray.bench.tools.warm_builder import WarmBuilder

    import_intrinsics()
    target = tvm.target.Target(json.loads(request["target"]))
    modules = {name: tvm.ir.load_json(text) for name, text in request["programs"].items()}
    builder = WarmBuilder(request["workers"], timeout_s=600.0)
    runner = RoundRunner(ms.runner.LocalRunner(timeout_sec=600.0), builder)
    with tempfile.TemporaryDirectory() as work_dir:
        ms.tune_tir(
            tvm.IRModule({name: module["main"] for name, module in modules.items()}),
            target,
            work_dir,
            max_trials_global=request["per_round"] + request["trials"],
            num_trials_per_iter=request["per_round"],
            builder=builder,
            runner=runner,
            strategy=ms.search_strategy.EvolutionarySearch(population_size=request["population"]),
            num_tuning_cores=request["workers"],
            seed=request["seed"],
        )
    return after_first(runner.rounds)


if __name__ == "__main__":
    main()
