"""Processes that call a function: how many there is room for, and what the loss of one costs."""

import asyncio
from typing import Any

import pytest
import ray
from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError, RayTaskError

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FunctionResult, Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.engine import function_crew
from dgtl_ray.engine.function_crew import FunctionCrew, no_room_for, room_for
from dgtl_ray.engine.function_workers import FunctionWorker, WorkerSetup
from dgtl_ray.measure.host import describe_cpu_host

NODES = [
    {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0, "node:1": 1.0}},
    {"Alive": True, "Resources": {"CPU": 4.0}},
    {"Alive": False, "Resources": {"CPU": 64.0}},
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


def test_what_is_lacking_is_told_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    assert no_room_for({"cpu": 5, "gpu": 0.5}).startswith(
        "a call reserves 5 CPU, 0.5 GPU, and no node has that: there are nodes with "
        "4 CPU, 0 GPU; 4 CPU, 1 GPU."
    )


def workers(**resources: float) -> WorkerSetup:
    return WorkerSetup(function=None, objective=Objective(), resources=resources, timeout_s=None)


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
    crew = FunctionCrew(workers(cpu=3), can_grow=can_grow, note=told.append)
    crew.hire(wanted, most)
    assert len(crew.workers) == count
    assert crew.at_once == min(count, 2)
    assert bool(told) == (wanted == 64 and most != 1)


def test_a_node_that_has_room_is_waited_for_where_one_may_join(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def describe(*_: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(ray, "nodes", lambda: NODES)
    monkeypatch.setattr(function_crew, "_JOIN_S", 0.01)
    monkeypatch.setattr(FunctionWorker, "describe", describe)
    told: list[str] = []
    crew = FunctionCrew(workers(gpu=2), can_grow=True, note=told.append)
    with pytest.raises(InputError, match="a call reserves 2 GPU, and no node has that"):
        asyncio.run(crew.describe(describe_cpu_host))
    assert [text for text in told if text.endswith("Waiting for one to join, 0.01 s at most")]


class Method:
    """A method of an actor that gives nothing, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def remote(self, *_: str) -> Any:
        return self._answer()

    async def _answer(self) -> None:
        if self._error is not None:
            raise self._error


class Actor:
    """Stands for a process that calls the function."""

    def __init__(self, error: Exception) -> None:
        self.ready = Method()
        self.call = Method(error)


def call(actor: Actor) -> FunctionResult:
    worker = FunctionWorker(workers(cpu=1))
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
    actor = Actor(error)
    result = call(actor)
    assert result.status is Status.RUN_ERROR
    assert result.error.startswith("the process ended: ")
    assert told in result.error
    assert "and more" not in result.error
    assert killed == [actor]


def test_a_mistake_of_ours_is_no_failed_trial() -> None:
    mistake = RayTaskError("call", "Traceback", KeyError("ours"), "worker", 1, "127.0.0.1")
    with pytest.raises(RayTaskError):
        call(Actor(mistake))
