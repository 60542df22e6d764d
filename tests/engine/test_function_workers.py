"""Processes that call a function: how many there is room for, and what the loss of one costs."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError, RayTaskError

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError, InputError
from dgtl_ray.core.function import FunctionResult, Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.engine import function_crew, function_workers
from dgtl_ray.engine.function_crew import FunctionCrew
from dgtl_ray.engine.function_hosts import Host, Hosts
from dgtl_ray.engine.function_workers import FunctionWorker, WorkerSetup
from dgtl_ray.engine.room import no_room_for, nodes_for, room_for
from dgtl_ray.measure.host import describe_cpu_host
from dgtl_ray.testing.fakes import FAKE_DEVICE

NODES: list[dict[str, Any]] = [
    {"NodeID": "1", "Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0, "node:1": 1.0}},
    {"NodeID": "2", "Alive": True, "Resources": {"CPU": 4.0}},
    {"NodeID": "3", "Alive": False, "Resources": {"CPU": 64.0}},
]


@pytest.mark.parametrize(
    ("resources", "room"),
    [
        ({"cpu": 1}, 8),
        ({"cpu": 3}, 2),
        ({"cpu": 5}, 0),
        ({"CPU": 0.1}, 80),
        ({"cpu": 1, "gpu": 0.5}, 2),
        ({"cpu": 1, "gpu": 0}, 8),
        ({"nothing": 1}, 0),
        ({"cpu": 0}, None),
    ],
)
def test_a_call_needs_room_in_one_node_that_is_there(
    resources: dict[str, float], room: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    assert room_for(resources) == room


def test_nodes_that_are_left_out_have_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    assert (room_for({"cpu": 1}, {"1"}), nodes_for({"cpu": 1}, {"1"})) == (4, 1)
    assert (room_for({"gpu": 1}, {"1"}), nodes_for({"gpu": 1}, {"1"})) == (0, 0)
    assert (room_for({}, {"1"}), nodes_for({}, {"1"})) == (None, 1)


def test_what_is_lacking_is_told_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    assert no_room_for({"cpu": 5, "gpu": 0.5}).startswith(
        "a call reserves 5 CPU, 0.5 GPU, and no node has that: there are nodes with "
        "4 CPU, 0 GPU; 4 CPU, 1 GPU."
    )


def workers(**resources: float) -> WorkerSetup:
    return WorkerSetup(
        function=None,
        describe=describe_cpu_host,
        objective=Objective(),
        resources=resources,
        timeout_s=None,
    )


@pytest.mark.parametrize(
    ("wanted", "most", "can_grow", "count"),
    [
        (None, None, False, 2),
        (None, 1, False, 1),
        (1, None, False, 1),
        (64, 8, False, 2),
        (64, 8, True, 8),
        (64, 1, True, 1),
    ],
)
def test_there_are_as_many_workers_as_there_is_room_or_may_be_room_for(
    wanted: int | None,
    most: int | None,
    can_grow: bool,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    told: list[str] = []
    crew = FunctionCrew(workers(cpu=3), begun_on="", can_grow=can_grow, note=told.append)
    crew.hire(wanted, most)
    assert len(crew.workers) == count
    assert crew.at_once == min(count, 2)
    assert bool(told) == (wanted == 64 and most != 1)


def test_a_node_that_has_room_is_waited_for_where_one_may_join(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def begin(*_: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    monkeypatch.setattr(function_crew, "_JOIN_S", 0.01)
    monkeypatch.setattr(FunctionWorker, "begin", begin)
    told: list[str] = []
    crew = FunctionCrew(workers(gpu=2), begun_on="", can_grow=True, note=told.append)
    with pytest.raises(InputError, match="a call reserves 2 GPU, and no node has that"):
        asyncio.run(crew.open())
    assert [text for text in told if text.endswith("Waiting for one to join, 0.01 s at most")]


class Method:
    """A method of an actor that gives something, or raises it."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def remote(self, *_: Any) -> Any:
        return self._give()

    async def _give(self) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def host(node_id: str, device: DeviceDescriptor | None, processor: str = "znver5") -> Host:
    error = "" if device else "no GPU"
    return Host(node_id=node_id, descriptor=device, processor=processor, error=error)


class Actor:
    """Stands for a process that calls the function."""

    def __init__(self, answer: Any, at: Host) -> None:
        self.ready = Method(at.node_id)
        self.describe = Method(at)
        self.call = Method(answer)


def call(actor: Actor) -> FunctionResult:
    worker = FunctionWorker(workers(cpu=1), Hosts({"cpu": 1}, "", print))
    worker._actor = actor
    return asyncio.run(worker.call("{}"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OutOfMemoryError("the node was running low on memory\nand more"), "low on memory"),
        (NodeDiedError("the node is gone"), "the node is gone"),
        (ActorDiedError(), "died unexpectedly"),
    ],
)
def test_a_process_that_is_lost_costs_its_trial(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[Any] = []
    monkeypatch.setattr(ray, "kill", killed.append)
    actor = Actor(error, host("1", FAKE_DEVICE))
    result = call(actor)
    assert result.status is Status.RUN_ERROR
    assert result.error.startswith("the process ended: ")
    assert told in result.error
    assert "and more" not in result.error
    assert killed == [actor]


def test_a_mistake_of_ours_is_no_failed_trial() -> None:
    mistake = RayTaskError("call", "Traceback", KeyError("ours"), "worker", 1, "127.0.0.1")
    with pytest.raises(RayTaskError):
        call(Actor(mistake, host("1", FAKE_DEVICE)))


BIG, SMALL = (replace(FAKE_DEVICE, name=name) for name in ("Big", "Small"))
GPU = replace(FAKE_DEVICE, kind="cuda")
DONE = FunctionResult(status=Status.OK, seconds=0.0, metrics={"latency_s": 1.0})


class Waiting:
    """Stands for a process that there is no room for."""

    def __init__(self) -> None:
        self.ready = self.describe = self

    def remote(self) -> Any:
        return asyncio.sleep(60)


class Cluster:
    """Places of one process each, on nodes, which are given in turn.

    One that is left is given last.
    """

    def __init__(self, places: Sequence[Host], monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = list(places)
        self.begun: list[Host] = []
        self.notes: list[str] = []
        names = {place.node_id for place in places}
        nodes = [
            {"NodeID": n, "NodeManagerAddress": f"at {n}", "Alive": True, "Resources": {"CPU": 1}}
            for n in sorted(names)
        ]
        monkeypatch.setattr(ray, "nodes", lambda: nodes)
        monkeypatch.setattr(ray, "kill", self.kill)
        monkeypatch.setattr(function_workers, "_WorkerActor", self)
        monkeypatch.setattr(function_crew, "_GATHER_S", 0.1)
        self._places: dict[Any, Host] = {}
        self._without: set[str] = set()

    def options(self, *, label_selector: dict[str, str] | None = None, **_: Any) -> "Cluster":
        selector = (label_selector or {}).get("ray.io/node-id", "!in()")
        self._without = set(selector.removeprefix("!in(").removesuffix(")").split(","))
        return self

    def remote(self, *_: Any, **_options: Any) -> Any:
        at = next((place for place in self.free if place.node_id not in self._without), None)
        if at is None:
            return Waiting()
        self.free.remove(at)
        self.begun.append(at)
        actor = Actor(DONE, at)
        self._places[actor] = at
        return actor

    def kill(self, actor: Any) -> None:
        self.free.append(self._places.pop(actor))

    def settled(self, count: int, begun_on: str = "") -> DeviceDescriptor:
        """What so many workers are on, once those that find room have called the function."""
        return asyncio.run(self._settled(count, begun_on))

    async def _settled(self, count: int, begun_on: str) -> DeviceDescriptor:
        setup = workers(cpu=1)
        crew = FunctionCrew(setup, begun_on=begun_on, can_grow=True, note=self.notes.append)
        await crew.open()
        crew.hire(count, None)
        device = await crew.settle()
        for worker in crew.workers:
            with suppress(TimeoutError):
                assert await asyncio.wait_for(worker.ready(), 0.1)
                assert worker.host is not None
                assert worker.host.descriptor == device
                assert await worker.call("{}") == DONE
        return device


def test_workers_are_on_the_kind_of_device_that_most_of_them_are_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [host("1", SMALL), host("2", BIG), host("3", BIG), host("4", BIG)]
    cluster = Cluster(places, monkeypatch)
    assert cluster.settled(3) == BIG
    assert [place.node_id for place in cluster.begun] == ["1", "2", "3", "4"]
    assert cluster.free == [places[0]]
    assert len([note for note in cluster.notes if note.startswith("node at 1 is left out")]) == 1


def test_generations_of_one_name_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = host("1", BIG, "25-17"), host("2", BIG, "26-2")
    cluster = Cluster([old, new, replace(new, node_id="3")], monkeypatch)
    cluster.settled(3)
    assert cluster.free == [old]
    told = "node at 1 is left out: it is cpu/Big/2 (25-17), this run is for cpu/Big/2 (26-2)"
    assert told in cluster.notes


def test_a_resumed_run_finds_the_kind_that_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [host("1", BIG), host("2", BIG), host("3", SMALL)]
    assert Cluster(places, monkeypatch).settled(1, SMALL.key) == SMALL
    with pytest.raises(InputError, match="was begun on cpu/other/8, this is cpu/Small/2"):
        Cluster(places, monkeypatch).settled(1, "cpu/other/8")


def test_nodes_that_cannot_tell_their_device_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cluster([host("1", None), host("2", BIG)], monkeypatch).settled(1) == BIG
    with pytest.raises(DeviceError, match="no GPU"):
        Cluster([host("1", None)], monkeypatch).settled(1)


def test_of_a_nodes_gpus_others_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    good, other = host("1", GPU, ""), host("1", replace(GPU, name="other"), "")
    cluster = Cluster([good, other, good], monkeypatch)
    cluster.settled(2)
    assert cluster.begun == [good, other, good]


def test_a_nodes_cores_are_looked_at_once() -> None:
    asked: list[Host] = []

    async def ask(of: Host) -> Host:
        asked.append(of)
        await asyncio.sleep(0)
        return of

    async def look() -> None:
        hosts = Hosts({}, "", print)
        for at in (host("1", BIG), host("2", GPU)):
            await asyncio.gather(*(hosts.look(at.node_id, partial(ask, at)) for _ in "ab"))

    asyncio.run(look())
    assert [at.node_id for at in asked] == ["1", "2", "2"]
