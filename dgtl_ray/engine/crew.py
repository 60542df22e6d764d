"""The hands of the tuning loop on a Ray cluster."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError, WorkerCrashedError

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildResult, EvaluatorConfig, RunResult
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.layer import Candidate, LayerActor, LayerSetup, Outcome, Transfer
from dgtl_ray.engine.workers import (
    ArtifactRef,
    BuilderFactory,
    DeviceActor,
    TimerFactory,
    build_task,
    lost_build,
    lost_run,
    shards,
)


@dataclass(frozen=True, kw_only=True)
class Built:
    """A build's result and where its artifact is."""

    result: BuildResult
    artifact: ArtifactRef


@dataclass(frozen=True, kw_only=True)
class CrewConfig:
    """Who builds and times, and how many processes the layers are packed into."""

    target: str
    builder: BuilderFactory
    timer: TimerFactory
    evaluator: EvaluatorConfig
    layer_actors: int


class RayCrew:
    """Layer actors, build tasks and the device actor of one run. Not thread-safe."""

    def __init__(self, tasks: Sequence[LayerTask], config: CrewConfig) -> None:
        self._tasks = tasks
        self._config = config
        self._programs = [ray.put(task.program) for task in tasks]
        self._device = DeviceActor.remote(config.timer, config.target, config.evaluator)
        self._actor_of_layer: dict[int, Any] = {}
        self._actors: list[Any] = []

    def describe_device(self) -> DeviceDescriptor:
        """What the device is.

        Raises:
            DeviceError: There is no such device.
        """
        try:
            device: DeviceDescriptor = ray.get(self._device.describe.remote())
        except RayTaskError as error:
            raise error.as_instanceof_cause() from error
        return device

    def take_on(self, setups: Sequence[LayerSetup], known: Knowledge) -> None:
        """Give each layer to an actor, and wait until every actor is there.

        What is known travels once, through the object store.
        """
        shared = ray.put(known)
        for shard in shards(len(setups), self._config.layer_actors):
            actor = LayerActor.remote({k: setups[k] for k in shard}, shared)
            self._actors.append(actor)
            self._actor_of_layer.update(dict.fromkeys(shard, actor))
        ray.get([actor.observe.remote({}) for actor in self._actors])

    def propose(self, quota: Mapping[int, int]) -> dict[int, list[Candidate]]:
        """Candidates for each layer of `quota` (layer index -> how many)."""
        asked = [a.propose.remote(part) for a, part in self._by_actor(quota)]
        return dict(chain.from_iterable(answer.items() for answer in ray.get(asked)))

    def observe(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        """Give each layer what became of candidates."""
        ray.get([a.observe.remote(part) for a, part in self._by_actor(outcomes)])

    def transfers(self) -> dict[int, Transfer]:
        """What came of each layer's sources."""
        answers = ray.get([actor.transfers.remote() for actor in self._actors])
        return dict(chain.from_iterable(answer.items() for answer in answers))

    def schedules(self, configs: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
        """The schedule text of configurations, by layer."""
        asked = [a.schedules.remote(part) for a, part in self._by_actor(configs)]
        return dict(chain.from_iterable(answer.items() for answer in ray.get(asked)))

    def build(self, items: Sequence[tuple[int, str]]) -> list[Built]:
        """Build candidates (layer index, schedule text), as many at once as there are CPUs."""
        pairs = [
            build_task.remote(
                self._config.builder, self._programs[layer], self._config.target, schedule
            )
            for layer, schedule in items
        ]
        return [Built(result=_built(result), artifact=artifact) for result, artifact in pairs]

    def time(self, items: Sequence[tuple[int, ArtifactRef, float | None]]) -> Iterator[RunResult]:
        """Time built candidates (layer index, artifact, best latency known), one after another."""
        for layer, artifact, best_s in items:
            yield _ran(self._device.time.remote(artifact, self._tasks[layer].args, best_s))

    def verify(self, layer: int, artifact: ArtifactRef, reference: ArtifactRef) -> RunResult:
        """Compare a candidate's outputs with a reference's on the same inputs."""
        return _ran(self._device.verify.remote(artifact, reference, self._tasks[layer].args))

    def close(self) -> None:
        """End the actors and what they hold."""
        # One that does not answer is killed next, and what it holds dies with it.
        with suppress(RayActorError, GetTimeoutError):
            ray.get(self._device.close.remote(), timeout=10)
        for actor in [self._device, *self._actors]:
            ray.kill(actor)

    def _by_actor(self, of_layer: Mapping[int, Any]) -> list[tuple[Any, dict[int, Any]]]:
        parts: dict[Any, dict[int, Any]] = {}
        for layer, value in of_layer.items():
            parts.setdefault(self._actor_of_layer[layer], {})[layer] = value
        return list(parts.items())


def _built(reference: Any) -> BuildResult:
    try:
        result: BuildResult = ray.get(reference)
    except (WorkerCrashedError, RayTaskError) as error:
        return lost_build(error)
    return result


def _ran(reference: Any) -> RunResult:
    try:
        result: RunResult = ray.get(reference)
    except (RayActorError, RayTaskError) as error:
        return lost_run(error)
    return result


def is_ok(built: Built) -> bool:
    """Whether there is something to time."""
    return built.result.status is Status.OK
