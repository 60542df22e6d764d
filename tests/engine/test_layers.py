"""Layers whose process is gone are held by a new one, however Ray tells that it is."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import ray
from ray.exceptions import OutOfMemoryError, RayActorError

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.measurement import Stage
from dgtl_ray.engine import layers
from dgtl_ray.engine.layer import Candidate, LayerSetup, Order
from dgtl_ray.engine.layers import LayerActors

CANDIDATE = Candidate.bare("proposed", Stage.SEARCH)
GONE = (RayActorError(), OutOfMemoryError("ended, for its node is short of memory"))


class Processes:
    """In place of Ray's actors: some processes are lost when they are called.

    Attributes:
        error: How Ray tells it.
        losses: How many of them are yet to be lost.
        begun: How many there were.
        calls: What they were called for, in the order in which they would do it.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.losses = 0
        self.begun = 0
        self.calls: list[str] = []

    def options(self, **_options: Any) -> "Processes":
        return self

    def remote(self, _setups: Any) -> "Process":
        self.begun += 1
        return Process(self)


class Process:
    """One of them."""

    def __init__(self, among: Processes) -> None:
        self._among = among
        self._is_lost = False

    def __getattr__(self, method: str) -> SimpleNamespace:
        return SimpleNamespace(remote=partial(self._call, method))

    def _call(self, method: str, *_args: Any) -> Awaitable[dict[int, list[Candidate]] | None]:
        self._among.calls.append(method)
        return self._answer(method)

    async def _answer(self, method: str) -> dict[int, list[Candidate]] | None:
        if self._among.losses and not self._is_lost:
            self._among.losses -= 1
            self._is_lost = True
        if self._is_lost:
            raise self._among.error
        if method == "take_on":
            await asyncio.sleep(0.01)
        return {0: [CANDIDATE]} if method == "propose" else None


@pytest.fixture(params=GONE, ids=lambda error: type(error).__name__)
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Processes:
    found = Processes(request.param)
    monkeypatch.setattr(layers, "LayerActor", found)
    monkeypatch.setattr(layers, "driver_node", lambda: "node")
    monkeypatch.setattr(layers, "pinned", lambda _node, **_soft: None)
    monkeypatch.setattr(ray, "kill", lambda _actor: None)
    return found


async def proposed(processes: Processes, at_start: int, later: int) -> dict[int, list[Candidate]]:
    """What one layer proposes, where so many calls are lost before and after it is taken on."""
    held = LayerActors([cast("LayerSetup", None)], 1, lambda _layer: ())
    processes.losses = at_start
    await held.start(None)
    processes.losses = later
    return await held.propose({0: Order(count=1)})


@pytest.mark.parametrize(("at_start", "later"), [(1, 0), (2, 0), (0, 1), (0, 2), (1, 1)])
def test_a_lost_process_is_replaced(processes: Processes, at_start: int, later: int) -> None:
    assert asyncio.run(proposed(processes, at_start, later)) == {0: [CANDIDATE]}
    assert processes.begun == 1 + at_start + later


async def asked_while_it_is_replaced(processes: Processes) -> None:
    """Ask a layer again as soon as its new process takes it on."""
    held = LayerActors([cast("LayerSetup", None)], 1, lambda _layer: ())
    await held.start(None)
    processes.losses = 1
    processes.calls.clear()
    lost = asyncio.create_task(held.propose({0: Order(count=1)}))
    while "take_on" not in processes.calls:
        await asyncio.sleep(0)
    await asyncio.gather(lost, held.propose({0: Order(count=1)}))


def test_a_new_process_is_asked_after_it_was_told_all_that_is_known(processes: Processes) -> None:
    asyncio.run(asked_while_it_is_replaced(processes))
    told = ["take_on", "observe", "reserve"]
    assert processes.calls == ["propose", *told, "propose", "propose"]


def test_processes_that_are_lost_again_and_again_end_the_run(processes: Processes) -> None:
    with pytest.raises(DgtlError, match="dies again and again: is there memory enough"):
        asyncio.run(proposed(processes, 0, 100))
