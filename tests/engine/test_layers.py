"""Layers whose process is gone are held by a new one, however Ray tells that it is."""

import asyncio
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
    """In place of Ray's actors: some calls find that their process is gone.

    Attributes:
        losses: How many of the next calls do.
        begun: How many processes there were.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.losses = 0
        self.begun = 0

    def options(self, **_options: Any) -> "Processes":
        return self

    def remote(self, _setups: Any) -> "Processes":
        self.begun += 1
        return self

    def __getattr__(self, method: str) -> SimpleNamespace:
        return SimpleNamespace(remote=partial(self._call, method))

    async def _call(self, method: str, *_args: Any) -> dict[int, list[Candidate]] | None:
        if self.losses:
            self.losses -= 1
            raise self._error
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


def test_processes_that_are_lost_again_and_again_end_the_run(processes: Processes) -> None:
    with pytest.raises(DgtlError, match="dies again and again: is there memory enough"):
        asyncio.run(proposed(processes, 0, 100))
