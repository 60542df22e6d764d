"""A network's layers tuned by MetaSchedule's `tune_tasks`, in a process of its own.

Its own scheduler hands trials to layers, as its users have it: only how many in all is given.

Its builder's workers are started before the clock and kept from round to round. TVM's own are not:
starting them takes most of the time, and a slow machine builds nothing within their limit of 30 s.

Reads a request as JSON from standard input: `{"network": spec, "layer_trials": …, "seed": …,
"folder": …}`. Writes `found.json` into the folder, whole or not at all: wall-clock seconds, every
trial with the moment when its latency was known, and the fastest trace of each layer.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOUND = "found.json"
# Its workers import TVM's intrinsics before they build, which takes longer than its own 30 s.
_PATIENCE_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One measurement: when, in seconds of search, of which layer; None where it failed."""

    at_s: float
    workload_key: str
    cost_s: float | None


def minute(moment: datetime) -> str:
    """As the table shows it."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    folder = Path(request["folder"])
    found = _tune(request, folder)
    temporary = folder / f".{FOUND}.{os.getpid()}"
    temporary.write_text(json.dumps(found))
    temporary.replace(folder / FOUND)


def _tune(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What is found: the traces are of before TVM's postprocessors, by workload key."""
    import tvm
    from tvm.s_tir import meta_schedule as ms

    from dgtl_ray.bench.tools.intrinsics import import_intrinsics
    from dgtl_ray.bench.tools.warm_builder import WarmBuilder
    from dgtl_ray.core.cores import available_cores
    from dgtl_ray.model import load_network, parse_target
    from dgtl_ray.space.sketches.trace import SketchTrace

    import_intrinsics()
    spec = parse_target("cpu")
    target = tvm.target.Target(spec.json)
    tasks = load_network(request["network"], spec).tasks
    extracted = [
        ms.ExtractedTask(task.name, module, target, [module], task.weight)
        for task in tasks
        for module in [tvm.ir.load_json(task.program)]
    ]
    keys = {task.name: task.workload_key for task in tasks}
    trials: list[Trial] = []
    contexts, weights = ms.relax_integration.extracted_tasks_to_tune_contexts(
        extracted, work_dir=str(folder), num_threads=available_cores(), seed=request["seed"]
    )
    builder = WarmBuilder(available_cores(), timeout_s=_PATIENCE_S)
    builder.warm_up(extracted[0].mod, target, times=2 * available_cores())
    began, start = minute(datetime.now(UTC)), time.perf_counter()
    database = ms.tune.tune_tasks(
        tasks=contexts,
        task_weights=weights,
        work_dir=str(folder),
        max_trials_global=request["layer_trials"] * len(tasks),
        builder=builder,
        runner=ms.runner.LocalRunner(timeout_sec=_PATIENCE_S),
        measure_callbacks=[
            *ms.measure_callback.MeasureCallback.create("default"),
            _noting(trials, keys, start),
        ],
    )
    schedules = {}
    for task, one in zip(tasks, extracted, strict=True):
        record = database.query_tuning_record(one.mod, target, task.name)
        if record is not None:
            trace = SketchTrace.of(record.trace.simplified(remove_postproc=True))
            schedules[task.workload_key] = trace.schedule(trace.decisions)
    return {
        "began": began,
        "wall_s": time.perf_counter() - start,
        "trials": [asdict(trial) for trial in trials],
        "schedules": schedules,
    }


def _noting(trials: list[Trial], keys: dict[str, str], start: float) -> Any:
    """A callback of MetaSchedule's that notes what was measured."""
    from statistics import median

    from tvm.ir.utils import derived_object
    from tvm.s_tir.meta_schedule.measure_callback import PyMeasureCallback

    @derived_object
    class Noting(PyMeasureCallback):  # type: ignore[misc]
        """Notes each trial."""

        def apply(
            self,
            task_scheduler: Any,
            task_id: int,
            measure_candidates: Any,
            builder_results: Any,
            runner_results: Any,
        ) -> None:
            """See MetaSchedule's `MeasureCallback`."""
            del measure_candidates, builder_results
            key = keys[str(task_scheduler.tasks_[task_id].ctx.task_name)]
            at_s = time.perf_counter() - start
            for result in runner_results:
                ran = result.error_msg is None and result.run_secs
                cost_s = median(map(float, result.run_secs)) if ran else None
                trials.append(Trial(at_s=at_s, workload_key=key, cost_s=cost_s))

    return Noting()


if __name__ == "__main__":
    main()
