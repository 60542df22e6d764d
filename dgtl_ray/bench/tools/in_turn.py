"""Configurations built anew and timed in turn: what the machine does meanwhile, it does to all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from dgtl_ray.core.errors import ExperimentError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import Artifact, BuildInput, EvaluatorConfig, FloatArray, RunInput
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.model import TargetSpec
from dgtl_ray.space.sketches import read_design_space


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A built configuration of a task."""

    task: LayerTask
    artifact: Artifact


def time_once(timer: LocalTimer, samples: Sequence[Sample], target: TargetSpec) -> list[float]:
    """Median of the repeats of each sample, in seconds.

    Raises:
        ExperimentError: One did not run.
    """
    return [_time(timer, sample, target) for sample in samples]


def time_in_turn(
    asked: Mapping[LayerTask, Sequence[str]], target: TargetSpec, passes: int
) -> dict[str, FloatArray]:
    """Latencies in seconds (passes × configurations) of each task, by its workload key.

    A pass times every configuration once, those of a task one right after the other.

    Args:
        asked: Configurations of each task; `""` is the default schedule.
        target: What to build for.
        passes: How often each is timed.

    Raises:
        ExperimentError: A configuration did not build, or did not run.
    """
    builder, timer = LocalBuilder(), LocalTimer()
    try:
        built = {
            task.workload_key: _build(builder, task, configs, target)
            for task, configs in asked.items()
        }
        rounds = [
            {key: time_once(timer, samples, target) for key, samples in built.items()}
            for _ in range(passes)
        ]
    finally:
        builder.close()
        timer.close()
    return {key: np.array([each[key] for each in rounds]) for key in built}


def _build(
    builder: LocalBuilder, task: LayerTask, configs: Sequence[str], target: TargetSpec
) -> list[Sample]:
    space = read_design_space(task, target.json)
    samples = []
    for config in configs:
        schedule = space.schedule_of(space.row_of(config)) if config else ""
        result = builder.build(
            BuildInput(program=task.program, target=target.json, schedule=schedule)
        )
        if result.status is not Status.OK:
            raise ExperimentError(f"{task.name}: {config} did not build: {result.error}")
        samples.append(Sample(task=task, artifact=result.artifact))
    return samples


def _time(timer: LocalTimer, sample: Sample, target: TargetSpec) -> float:
    result = timer.time(
        RunInput(
            artifact=sample.artifact,
            target=target.json,
            evaluator=EvaluatorConfig(),
            best_s=None,
            surroundings=sample.task.surroundings,
        )
    )
    if result.status is not Status.OK:
        raise ExperimentError(f"{sample.task.name}: a configuration did not run: {result.error}")
    return median(result.repeats_s)
