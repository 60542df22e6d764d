"""Without rounds: what comes before all proposals is handed out as there is room for it."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, cast

import pytest

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.roles import NOTHING, Artifact, BuildResult, RunResult
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.crew import Built, RayCrew
from dgtl_ray.engine.layer import Candidate, Outcome
from dgtl_ray.engine.loop import LoopConfig
from dgtl_ray.engine.recorder import Recorder
from dgtl_ray.engine.scheduler import LayerRecord
from dgtl_ray.engine.stream import StreamingLoop
from dgtl_ray.model import Network, TargetSpec
from dgtl_ray.testing.runs import example_context
from tests.engine.conftest import Sink

CHUNK = 4
# Three trials of the device, two builds, and the next to come.
CAPACITY = 3 + 2 + CHUNK


class CountingCrew:
    """One device and two builders, which are at once; proposes nothing.

    Attributes:
        most: How many candidates were on their way at a time, those included that no layer has
            heard of yet.
    """

    ready_devices = 1
    build_slots = 2

    def __init__(self) -> None:
        self._on_way = 0
        self.most = 0

    def stream(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)

    def again(self, candidates: Mapping[int, Sequence[Candidate]]) -> dict[int, list[Candidate]]:
        return {layer: list(of_layer) for layer, of_layer in candidates.items()}

    async def build_one(self, layer: int, schedule: str) -> Built:
        self._on_way += 1
        self.most = max(self.most, self._on_way)
        result = BuildResult(status=Status.OK, error="", artifact=NOTHING, build_s=0.01)
        return Built(result=result, artifact=NOTHING)

    async def time_one(self, layer: int, artifact: Artifact, best_s: float | None) -> RunResult:
        return RunResult(status=Status.OK, error="", repeats_s=(1e-3,), timing_s=0.01)

    async def observe_now(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        self._on_way -= sum(map(len, outcomes.values()))


def run_with(
    crew: CountingCrew, network: Network, target: TargetSpec, first: Sequence[str], budget: Budget
) -> Sink:
    """A search of one layer, whose default schedule is measured already."""
    task, sink = network.tasks[0], Sink()
    context = example_context(target.json)
    record = LayerRecord(name=task.name, flop=task.flop, weight=1)
    record.add(1e-3, 0.02)
    StreamingLoop(
        crew=cast("RayCrew", crew),
        recorder=Recorder(context, [task], ["space"], sink, first_trial=1),
        records=[record],
        clock=SearchClock(),
        monitor=SilentMonitor(),
        config=LoopConfig(budget=budget, chunk=CHUNK),
        on_round=lambda: None,
        tips=lambda _layer: (),
        first=[(0, Candidate.bare(config, Stage.SEARCH)) for config in first],
    ).run(prepare=lambda: None)
    return sink


@pytest.fixture
def first() -> list[str]:
    return [str(k) for k in range(3 * CAPACITY)]


def test_what_comes_first_is_measured_in_order_and_never_all_at_once(
    network: Network, target: TargetSpec, first: list[str]
) -> None:
    crew = CountingCrew()
    sink = run_with(crew, network, target, first, Budget(trials=1 + len(first), min_gain=0.0))
    assert [row.config for row in sink.rows] == first
    assert crew.most <= CAPACITY


def test_nothing_is_begun_once_the_time_is_spent(
    network: Network, target: TargetSpec, first: list[str]
) -> None:
    crew = CountingCrew()
    assert run_with(crew, network, target, first, Budget(time_s=0.0)).rows == []
    assert crew.most == 0
