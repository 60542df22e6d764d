"""Where candidates are built and timed: build tasks anywhere with a CPU, one actor a device."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any, TypeAlias

import ray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.network_run import NetworkInput, NetworkResult, Skeleton
from dgtl_ray.core.roles import (
    NOTHING,
    Artifact,
    Builder,
    BuildInput,
    BuildResult,
    EvaluatorConfig,
    RunInput,
    RunResult,
    Timer,
)
from dgtl_ray.core.task import Surroundings

BuilderFactory: TypeAlias = Callable[[], Builder]
TimerFactory: TypeAlias = Callable[[], Timer]
# A Ray object reference to an `Artifact`: it goes from build task to device, past the driver.
ArtifactRef: TypeAlias = Any


@cache
def _builder_of_this_process(factory: BuilderFactory) -> Builder:
    """Warm once, then reused by every build task that Ray gives this process."""
    return factory()


def build(
    factory: BuilderFactory, program: str, target: str, schedule: str
) -> tuple[BuildResult, Artifact]:
    """Build one candidate: the result without its artifact, and the artifact."""
    item = BuildInput(program=program, target=target, schedule=schedule)
    result = _builder_of_this_process(factory).build(item)
    return replace(result, artifact=NOTHING), result.artifact


# A worker process that dies takes its task with it: Ray runs the task again elsewhere.
build_task: Any = ray.remote(num_cpus=1, num_returns=2, max_retries=3)(build)


def start_builders(factory: BuilderFactory) -> None:
    """Let the cluster's idle processes make their builders, before there is anything to build."""
    for _ in range(int(ray.cluster_resources().get("CPU", 1))):
        _start_task.remote(factory)


def _start(factory: BuilderFactory) -> None:
    _builder_of_this_process(factory)


_start_task: Any = ray.remote(num_cpus=1)(_start)


class DeviceHost:
    """Owns one device: nothing else times on it."""

    def __init__(self, factory: TimerFactory) -> None:
        self._timer = factory()
        self._target = ""
        self._evaluator = EvaluatorConfig()

    def time_for(self, target: str, evaluator: EvaluatorConfig) -> None:
        """What is asked next is meant for `target`, and timed so; the first call."""
        self._target, self._evaluator = target, evaluator

    def time(
        self, artifact: Artifact, surroundings: Surroundings, best_s: float | None
    ) -> RunResult:
        """Time one candidate; `best_s` is the best latency known, None if there is none."""
        return self._timer.time(
            RunInput(
                artifact=artifact,
                target=self._target,
                evaluator=self._evaluator,
                best_s=best_s,
                surroundings=surroundings,
            )
        )

    def time_network(
        self,
        skeleton: Skeleton,
        counts: tuple[int, ...],
        passes: int,
        limit_s: float,
        *artifacts: Artifact,
    ) -> NetworkResult:
        """Run a network with one alternative of each layer at a time.

        Args:
            skeleton: The network without its layers.
            counts: How many of `artifacts` are alternatives of each layer, in order.
            passes: How often each has its turn, at most.
            limit_s: When turns end.
            artifacts: All alternatives; Ray brings them here only as arguments of their own.
        """
        each = iter(artifacts)
        alternatives = tuple(tuple(islice(each, count)) for count in counts)
        return self._timer.time_network(
            NetworkInput(
                skeleton=skeleton,
                alternatives=alternatives,
                target=self._target,
                passes=passes,
                limit_s=limit_s,
            )
        )

    def verify(self, artifact: Artifact, reference: Artifact) -> RunResult:
        """Compare a candidate's outputs with a reference's on the same inputs."""
        return self._timer.verify(artifact, reference, self._target)

    def describe(self) -> DeviceDescriptor:
        """What the device is."""
        return self._timer.describe(self._target)

    def close(self) -> None:
        """End the processes that time."""
        self._timer.close()


DeviceActor: Any = ray.remote(DeviceHost)


def lost_build(error: Exception) -> BuildResult:
    """The result of a build whose worker process died with it, again and again."""
    text = f"build worker lost: {error}"
    return BuildResult(status=Status.BUILD_ERROR, error=text, artifact=NOTHING, build_s=0.0)


def lost_run(error: Exception) -> RunResult:
    """The result of a run whose device actor died with it."""
    return RunResult(
        status=Status.RUN_ERROR, error=f"device actor lost: {error}", repeats_s=(), timing_s=0.0
    )
