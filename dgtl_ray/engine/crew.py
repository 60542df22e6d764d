"""The hands of the tuning loop on a Ray cluster."""

import json
from asyncio import gather
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError

from dgtl_ray.core.device import DeviceDescriptor, DeviceKind
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.network_run import NetworkResult, Skeleton
from dgtl_ray.core.roles import BuildResult, EvaluatorConfig, RunResult
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.background import EventThread
from dgtl_ray.engine.board import publish, take_down
from dgtl_ray.engine.care import Shared
from dgtl_ray.engine.device import Device, DeviceReport
from dgtl_ray.engine.devices import DevicePool
from dgtl_ray.engine.health import HealthPolicy
from dgtl_ray.engine.layer import Candidate, LayerSetup, Order, Outcome, Transfer
from dgtl_ray.engine.layers import Known, LayerActors
from dgtl_ray.engine.places import Place, find_places
from dgtl_ray.engine.shelf import Shelf
from dgtl_ray.engine.spare import device_actor
from dgtl_ray.engine.workers import (
    ArtifactRef,
    BuilderFactory,
    TimerFactory,
    build_task,
    lost_build,
)

T = TypeVar("T")
_VERIFY_S = 60.0
# What running a network may take beside its turns, again where an alternative ends the process.
_NETWORK_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Built:
    """A build's result and where its artifact is."""

    result: BuildResult
    artifact: ArtifactRef


@dataclass(frozen=True, kw_only=True)
class CrewConfig:
    """Who builds and times, and how many processes the layers are packed into.

    `wanted` is the kind of device that is to be used; `timer` times on no other processor than its.
    """

    run_id: str
    target: str
    builder: BuilderFactory
    timer: TimerFactory
    evaluator: EvaluatorConfig
    layer_actors: int
    wanted: DeviceKind
    health: HealthPolicy


class RayCrew:
    """Layer actors, build tasks and devices of one run. Not thread-safe.

    Args:
        tasks: What is tuned.
        config: Who does it.
        note: Tells the user of a fault.
    """

    def __init__(
        self, tasks: Sequence[LayerTask], config: CrewConfig, note: Callable[[str], None]
    ) -> None:
        self._tasks = tasks
        self._config = config
        self._programs = [ray.put(task.program) for task in tasks]
        self._layers: LayerActors | None = None
        self._shelf = Shelf[Built]()
        self._events = EventThread()
        self._devices = self._events.run(_make_pool(config, note))

    @property
    def alternates(self) -> bool:
        """Whether building would disturb timing."""
        return self._devices.shares_cores

    @property
    def ready_devices(self) -> int:
        """Devices that time now."""
        return self._devices.ready

    @property
    def build_slots(self) -> int:
        """Builds that can run at once."""
        return int(ray.cluster_resources().get("CPU", 1))

    def describe_device(self) -> DeviceDescriptor:
        """What the device is.

        Raises:
            DeviceError: There is no such device.
        """
        return self._events.run(self._devices.open())

    def device_reports(self) -> tuple[DeviceReport, ...]:
        """What each device is and did."""
        return self._devices.reports()

    def start_layers(self, setups: Sequence[LayerSetup], known: Known) -> None:
        """Let the processes that hold layers start, each to be told what is `known` of its own."""
        self._layers = self._events.run(self._start_layers(setups, known))

    def take_on(self, knowledge: Knowledge) -> None:
        """Begin each layer's search; wait until all have.

        The knowledge of other tasks travels once, through the object store.
        """
        self._events.run(self._take_on(knowledge))

    def start_proposing(self, orders: Mapping[int, Order]) -> Future[dict[int, list[Candidate]]]:
        """Candidates by layer, as ordered; made beside what the caller does next."""
        return self._events.start(self._held.propose(orders))

    def again(self, candidates: Mapping[int, Sequence[Candidate]]) -> dict[int, list[Candidate]]:
        """Candidates of an earlier process, by layer, counted as proposed and complete."""
        return self._events.run(self._held.again(candidates))

    def observe(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        """Give each layer what became of candidates, and is known since."""
        self._events.run(self._held.observe(outcomes))

    def transfers(self) -> dict[int, Transfer]:
        """What came of each layer's sources."""
        return self._events.run(self._held.transfers())

    def schedules(self, configs: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
        """The schedule text of configurations, by layer."""
        return self._events.run(self._held.schedules(configs))

    def build(self, items: Sequence[tuple[int, str]]) -> list[Built]:
        """Build candidates (layer index, schedule text), as many at once as there are CPUs."""
        return self.start_building(items).result()

    def start_building(self, items: Sequence[tuple[int, str]]) -> Future[list[Built]]:
        """As `build`, done beside what the caller does next."""
        return self._events.start(_gather(self.build_one(*item) for item in items))

    def time(self, items: Sequence[tuple[int, ArtifactRef, float | None]]) -> list[RunResult]:
        """Time built candidates (layer index, artifact, best latency known)."""
        return self._events.run(_gather(self.time_one(*item) for item in items))

    def time_network(
        self,
        skeleton: Skeleton,
        alternatives: Sequence[Sequence[ArtifactRef]],
        passes: int,
        limit_s: float,
    ) -> NetworkResult:
        """Run the network with one of each layer's built alternatives at a time.

        Args:
            skeleton: The network without its layers.
            alternatives: Artifacts by layer.
            passes: How often each has its turn, at most.
            limit_s: When turns end.
        """
        counts = tuple(map(len, alternatives))
        args = (skeleton, counts, passes, limit_s, *chain.from_iterable(alternatives))
        result = self._events.run(self._devices.submit("time_network", args, limit_s + _NETWORK_S))
        if isinstance(result, NetworkResult):
            return result
        return NetworkResult(**vars(result))

    def verify(self, artifact: ArtifactRef, reference: ArtifactRef) -> RunResult:
        """Compare a candidate's outputs with a reference's on the same inputs."""
        args = (artifact, reference)
        return self._events.run(self._devices.submit("verify", args, _VERIFY_S))

    def stream(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that calls the `_one` methods, as many of them at once as it likes."""
        self._events.run(work)

    async def propose_one(self, layer: int, order: Order) -> list[Candidate]:
        """Candidates for a layer, as ordered."""
        return (await self._held.propose({layer: order}))[layer]

    async def observe_now(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        """As `observe`."""
        await self._held.observe(outcomes)

    def keep(self, layer: int, schedule: str, built: Built, cost_s: float) -> None:
        """Keep what was built of a candidate, while few of its layer are faster."""
        self._shelf.keep(layer, schedule, built, cost_s)

    async def build_one(self, layer: int, schedule: str) -> Built:
        """Build a candidate, unless what was built of it was kept."""
        if kept := self._shelf.find(layer, schedule):
            return kept
        result, artifact = build_task.remote(
            self._config.builder, self._programs[layer], self._config.target, schedule
        )
        try:
            return Built(result=await result, artifact=artifact)
        except RayError as error:
            return Built(result=lost_build(error), artifact=artifact)

    async def time_one(self, layer: int, artifact: ArtifactRef, best_s: float | None) -> RunResult:
        """Time a built candidate."""
        args = (artifact, self._tasks[layer].surroundings, best_s)
        return await self._devices.submit("time", args, self._config.evaluator.timeout_s)

    def close(self) -> None:
        """End the actors and what they hold."""
        self._events.run(self._devices.close())
        take_down(self._config.run_id)
        if self._layers is not None:
            self._layers.kill()
        self._events.close()

    @property
    def _held(self) -> LayerActors:
        if self._layers is None:
            raise AssertionError("layers are started before they are asked")
        return self._layers

    async def _start_layers(self, setups: Sequence[LayerSetup], known: Known) -> LayerActors:
        return LayerActors(setups, self._config.layer_actors, known)

    async def _take_on(self, knowledge: Knowledge) -> None:
        await gather(self._held.start(ray.put(knowledge)), self._find_reference())

    async def _find_reference(self) -> None:
        """Let devices be judged by the default schedule of a layer of middling size."""
        by_size = sorted(range(len(self._tasks)), key=lambda k: self._tasks[k].flop)
        layer = by_size[len(by_size) // 2]
        built = await self.build_one(layer, "")
        if is_ok(built):
            args = (built.artifact, self._tasks[layer].surroundings, None)
            self._devices.set_reference("time", args, self._config.evaluator.timeout_s)


async def _make_pool(config: CrewConfig, note: Callable[[str], None]) -> DevicePool:
    kind = "cuda" if json.loads(config.target)["kind"] == "cuda" else "cpu"
    shared = any(place.shared for place in find_places(kind))

    def spawn(place: Place) -> Any:
        return device_actor(place, config.timer, config.target, config.evaluator)

    common = Shared(
        find=lambda: [place for place in find_places(kind) if place.shared == shared],
        # The next artifact is there when the last timing ends; not where copying it would disturb.
        depth=1 if shared else 2,
        note=note,
        cores=shared,
        wanted=config.wanted,
    )
    return DevicePool(
        common,
        lambda place: Device(place, spawn, config.health, config.wanted.processor),
        config.health,
        partial(publish, config.run_id),
    )


async def _gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    return list(await gather(*work))


def is_ok(built: Built) -> bool:
    """Whether there is something to time."""
    return built.result.status is Status.OK
