"""What each algorithm is worth, layer by layer: the best of some random configurations of each.

A layer's configurations are built, then timed as its network runs them, with its weights displaced
from the caches by those of other layers; then the best of each algorithm are timed anew, in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.in_turn import Sample, time_once
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.algorithms import DIRECT
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildInput, EvaluatorConfig, RunInput
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.model import TargetSpec, load_network, parse_target
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import read_design_space

# 3 × 3: 56 × 56 × 64, 28 × 28 × 128, 112 × 112 × 128, 224 × 224 × 64, as many channels out.
LAYERS = (
    "resnet18/fused_conv2d1_add1_relu1",
    "resnet18/fused_conv2d3_add3_relu2",
    "vgg16/fused_conv2d3_add1_relu1",
    "vgg16/fused_conv2d1_add_relu",
)
_TRIALS, _QUICK_TRIALS = 64, 2
# Of each algorithm so many are timed in turn, so often.
_FINALISTS, _PASSES = 3, 7
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class _Timed:
    """A configuration that was built and timed once."""

    config: str
    sample: Sample
    latency_s: float


def run(*, quick: bool, layers: Sequence[str] = LAYERS, trials: int | None = None) -> BenchReport:
    """Best latencies, one row a layer and algorithm; each against TVM's sketches alone.

    Args:
        quick: Two configurations of each algorithm, one layer.
        layers: Network and layer, with a slash between.
        trials: Configurations of each algorithm.

    Raises:
        InputError: A layer is none of its network's.
    """
    count = trials or (_QUICK_TRIALS if quick else _TRIALS)
    target = parse_target("cpu")
    builder, timer = LocalBuilder(), LocalTimer()
    rows: list[dict[str, Any]] = []
    try:
        for layer in layers[:1] if quick else layers:
            rows += _of_layer(layer, _task(layer, target), target, count, (builder, timer))
    finally:
        builder.close()
        timer.close()
    return BenchReport(
        name="algorithms",
        tables=[BenchTable(title="best of each algorithm, timed in turn", rows=rows)],
        figures={
            f"{row['layer']} {row['algorithm']} ÷ direct": row["÷ direct"]
            for row in rows
            if row["algorithm"] != DIRECT and row["÷ direct"] is not None
        },
        settings={"seed": _SEED, "trials": count, "passes": _PASSES, "quick": quick},
    )


def _task(layer: str, target: TargetSpec) -> LayerTask:
    network, _, name = layer.rpartition("/")
    tasks = {task.name: task for task in load_network(network, target).tasks}
    if name not in tasks:
        raise InputError(f"{layer}: {network} has no layer {name!r}; it has {', '.join(tasks)}")
    return tasks[name]


def _of_layer(
    layer: str,
    task: LayerTask,
    target: TargetSpec,
    count: int,
    workers: tuple[LocalBuilder, LocalTimer],
) -> list[dict[str, Any]]:
    space = read_design_space(task, target.json)
    names = list(dict.fromkeys(sketch.algorithm or DIRECT for sketch in space.sketches))
    finalists = {}
    for name in names:
        timed = _timed(_configs(space, name, count), space, task, target, workers)
        finalists[name] = sorted(timed, key=lambda one: one.latency_s)[:_FINALISTS]
    everyone = [one for of in finalists.values() for one in of]
    samples = [one.sample for one in everyone]
    rounds = np.array([time_once(workers[1], samples, target) for _ in range(_PASSES)])
    latency_s = {one.config: median(rounds[:, k].tolist()) for k, one in enumerate(everyone)}
    best = {
        name: min(of, key=lambda one: latency_s[one.config]).config
        for name, of in finalists.items()
        if of
    }
    # An attention has no sketch of TVM's.
    direct_s = latency_s[best[DIRECT]] if DIRECT in best else None
    return [
        {
            "layer": layer,
            "algorithm": name,
            "ms": round(latency_s[config] * 1e3, 4),
            "÷ direct": round(latency_s[config] / direct_s, 3) if direct_s else None,
            "GFLOP/s": round(task.flop / latency_s[config] / 1e9, 1),
            "configuration": config,
        }
        for name, config in best.items()
    ]


def _configs(space: DesignSpace, name: str, count: int) -> list[str]:
    """Random configurations of one algorithm."""
    sketches = tuple(s for s in space.sketches if (s.algorithm or DIRECT) == name)
    alone = DesignSpace(kind=space.kind, sketches=sketches, limits=space.limits)
    return [alone.config_of(row) for row in alone.sample(count, stream(_SEED, "algorithms", name))]


def _timed(
    configs: Sequence[str],
    space: DesignSpace,
    task: LayerTask,
    target: TargetSpec,
    workers: tuple[LocalBuilder, LocalTimer],
) -> list[_Timed]:
    """Those configurations that build and run; one that is clearly slower is given up early."""
    builder, timer = workers
    found: list[_Timed] = []
    for config in configs:
        schedule = space.schedule_of(space.row_of(config))
        built = builder.build(
            BuildInput(program=task.program, target=target.json, schedule=schedule)
        )
        if built.status is not Status.OK:
            continue
        result = timer.time(
            RunInput(
                artifact=built.artifact,
                target=target.json,
                evaluator=EvaluatorConfig(),
                best_s=min((one.latency_s for one in found), default=None),
                surroundings=task.surroundings,
            )
        )
        if result.repeats_s:
            sample = Sample(task=task, artifact=built.artifact)
            latency_s = median(result.repeats_s)
            found.append(_Timed(config=config, sample=sample, latency_s=latency_s))
    return found
