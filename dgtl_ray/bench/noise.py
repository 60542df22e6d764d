"""How far two timings of one configuration lie apart, when a run comes back to it later."""

from collections.abc import Sequence

import numpy as np

from dgtl_ray.bench.tools.in_turn import Sample, time_once
from dgtl_ray.bench.tools.load import OtherLoad
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.errors import ExperimentError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildInput, BuildResult
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.model import TargetSpec, load_network, parse_target
from dgtl_ray.space.sketches import read_design_space

_SEED = 0
_CONFIGURATIONS = 20
_QUICK_CONFIGURATIONS = 3
# Builds between the two moments: caches, clocks and heaps are then as in the middle of a run.
_BUILDS_BETWEEN = 40


def run(*, quick: bool) -> BenchReport:
    """Relative difference of two timings over configurations of ResNet-18's convolutions."""
    count = _QUICK_CONFIGURATIONS if quick else _CONFIGURATIONS
    target = parse_target("cpu")
    tasks = [t for t in load_network("resnet18", target).tasks if t.operator == "conv2d"]
    builder, timer, others = LocalBuilder(), LocalTimer(), OtherLoad()
    try:
        samples = _build(builder, tasks, target, count)
        # In the middle of a run nothing is met for the first time.
        time_once(timer, samples, target)
        with others:
            first_s = time_once(timer, samples, target)
        _build(builder, tasks, target, 2 if quick else _BUILDS_BETWEEN)
        with others:
            second_s = time_once(timer, samples, target)
    finally:
        builder.close()
        timer.close()
    rows = [
        {
            "task": sample.task.name,
            "first_us": first * 1e6,
            "second_us": second * 1e6,
            "difference": abs(first - second) / min(first, second),
        }
        for sample, first, second in zip(samples, first_s, second_s, strict=True)
    ]
    differences = np.array([row["difference"] for row in rows], dtype=float)
    shares = {f"p{share}": float(np.percentile(differences, share)) for share in (25, 50, 75, 90)}
    return BenchReport(
        name="noise",
        tables=[BenchTable(title="two moments of a run", rows=rows)],
        figures={
            "median_difference": shares["p50"],
            **shares,
            "max": float(differences.max()),
            "cpu_share_of_others": others.share,
        },
        settings={"configurations": count, "seed": _SEED, "quick": quick},
    )


def _build(
    builder: LocalBuilder, tasks: Sequence[LayerTask], target: TargetSpec, count: int
) -> list[Sample]:
    """`count` configurations, sampled task by task, that build."""
    samples: list[Sample] = []
    for step in range(10 * count):
        task = tasks[step % len(tasks)]
        result = _build_one(builder, task, target, step)
        if result.status is Status.OK:
            samples.append(Sample(task=task, artifact=result.artifact))
        if len(samples) == count:
            return samples
    raise ExperimentError(f"only {len(samples)} of {10 * count} configurations could be built")


def _build_one(
    builder: LocalBuilder, task: LayerTask, target: TargetSpec, step: int
) -> BuildResult:
    space = read_design_space(task, target.json)
    row = space.sample(1, stream(_SEED, task.workload_key, step))[0]
    return builder.build(
        BuildInput(program=task.program, target=target.json, schedule=space.schedule_of(row))
    )
