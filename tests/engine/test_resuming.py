"""Both loops, with real layers and a crew that is this process alone."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast
from zlib import crc32

import pytest

from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.roles import Artifact, BuildInput, EvaluatorConfig, RunInput, RunResult
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.crew import Built, RayCrew
from dgtl_ray.engine.layer import Candidate, LayerHost, LayerSetup, Order, Outcome
from dgtl_ray.engine.loop import LoopConfig, TuningLoop
from dgtl_ray.engine.outcomes import outcome_of
from dgtl_ray.engine.recorder import Recorder, RunContext
from dgtl_ray.engine.scheduler import LayerRecord
from dgtl_ray.engine.stream import StreamingLoop
from dgtl_ray.model import Network, TargetSpec
from dgtl_ray.space import DesignSpace
from dgtl_ray.testing.fakes import FAKE_DEVICE, FakeBuilder, FakeTimer
from tests.engine.conftest import Sink

pytestmark = pytest.mark.slow

T = TypeVar("T")

# Trials by search: `autotvm` plans 64 at a time.
TRIALS = {"random": 72, "evolutionary": 72, "autotvm": 120, "dgtl": 72}


class InterruptedSearchError(Exception):
    """What `CutShort` raises."""


@dataclass(kw_only=True)
class CutShort(Sink):
    """Keeps so many batches and then ends the search, as a kill does."""

    batches: int

    def append(self, rows: Sequence[Measurement]) -> None:
        if not self.batches:
            raise InterruptedSearchError
        self.batches -= 1
        super().append(rows)


class OwnCrew:
    """Does at once what Ray's workers do.

    Without rounds one timing of three goes on beyond the next batch.

    Args:
        durable: Measurements that there are, default schedules left out.
        ends_at: How many there must be for such a timing to end, by artifact. It goes on while
            nobody asks for it: a device does not know that the search was interrupted.
    """

    ready_devices = 1
    build_slots = 2

    def __init__(
        self, layers: LayerHost, target: str, durable: int, ends_at: dict[Artifact, int]
    ) -> None:
        self._layers = layers
        self._target = target
        self._durable = durable
        self._ends_at = ends_at
        self._grown = asyncio.Event()
        self._builder, self._timer = FakeBuilder(), FakeTimer()

    def stream(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)

    def again(self, candidates: Mapping[int, Sequence[Candidate]]) -> dict[int, list[Candidate]]:
        return self._layers.again(candidates)

    def start_proposing(self, orders: Mapping[int, Order]) -> Future[dict[int, list[Candidate]]]:
        return _done(self._layers.propose(orders))

    def observe(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        self._layers.observe(outcomes)

    def keep(self, layer: int, schedule: str, built: Built, cost_s: float) -> None:
        """Nothing is timed again here."""

    async def propose_one(self, layer: int, order: Order) -> list[Candidate]:
        return self._layers.propose({layer: order})[layer]

    async def observe_now(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        self._layers.observe(outcomes)
        self._durable += sum(len(of_layer) for of_layer in outcomes.values())
        self._grown.set()
        self._grown = asyncio.Event()

    async def _await_end(self, artifact: Artifact) -> None:
        if crc32(artifact.library) % 3 == 0:
            ends_at = self._ends_at.setdefault(artifact, self._durable + 1)
            # Where all of them go on there is no next batch.
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    while self._durable < ends_at:
                        await self._grown.wait()

    def build(self, items: Sequence[tuple[int, str]]) -> list[Built]:
        return [self._build(*item) for item in items]

    def start_building(self, items: Sequence[tuple[int, str]]) -> Future[list[Built]]:
        return _done(self.build(items))

    async def build_one(self, layer: int, schedule: str) -> Built:
        return self._build(layer, schedule)

    def time(self, items: Sequence[tuple[int, Artifact, float | None]]) -> list[RunResult]:
        return [self._time(artifact, best_s) for _, artifact, best_s in items]

    async def time_one(self, layer: int, artifact: Artifact, best_s: float | None) -> RunResult:
        await self._await_end(artifact)
        return self._time(artifact, best_s)

    def _build(self, layer: int, schedule: str) -> Built:
        item = BuildInput(program=str(layer), target=self._target, schedule=schedule)
        result = self._builder.build(item)
        return Built(result=result, artifact=result.artifact)

    def _time(self, artifact: Artifact, best_s: float | None) -> RunResult:
        item = RunInput(
            artifact=artifact,
            target=self._target,
            evaluator=EvaluatorConfig(),
            best_s=best_s,
        )
        return self._timer.time(item)


def _done(result: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(result)
    return future


class Resumable:
    """A search that may be cut short, and gone on with from its rows and what it asked for."""

    def __init__(
        self,
        network: Network,
        spaces: list[DesignSpace],
        target: TargetSpec,
        loop: type[TuningLoop],
        search: str,
    ) -> None:
        self._loop = loop
        self._large = sorted(range(len(spaces)), key=lambda k: -spaces[k].size)[:2]
        self._tasks = [network.tasks[k] for k in self._large]
        self._spaces = [spaces[k] for k in self._large]
        self._target = target.json
        self._search = search
        self.trials = TRIALS[search]
        self._ends_at: dict[Artifact, int] = {}

    def run(
        self, sink: Sink, asked: AskedTrials | None = None, rows: Sequence[Measurement] = ()
    ) -> None:
        keys = [task.workload_key for task in self._tasks]
        layers = LayerHost({k: self._setup(k) for k in range(len(keys))})
        layers.take_on(Knowledge())
        records = [LayerRecord(name=t.name, flop=t.flop, weight=1) for t in self._tasks]
        for row in rows:
            layer = keys.index(row.workload_key)
            records[layer].add(row.cost_s, row.build_s + row.timing_s)
            layers.observe({layer: [outcome_of(row)]})
        measured = {(keys.index(row.workload_key), row.config) for row in rows}
        searched = sum(bool(row.config) for row in rows)
        crew = OwnCrew(layers, self._target, searched, self._ends_at)
        named = [(key, "space") for key in keys]
        self._loop(
            asked=asked,
            first=asked.open(named, measured, lambda _layer, _config: True) if asked else (),
            crew=cast("RayCrew", crew),
            recorder=self._recorder(sink, first_trial=len(rows)),
            records=records,
            clock=SearchClock(),
            monitor=SilentMonitor(),
            # Rounds of one layer: while it is built, the other one proposes.
            config=LoopConfig(budget=Budget(trials=self.trials, min_gain=0.0), round_size=8),
            on_round=lambda: None,
            tips=lambda _layer: (),
        ).run(prepare=lambda: None)

    def forget(self) -> None:
        """All timings are over."""
        self._ends_at.clear()

    def _setup(self, layer: int) -> LayerSetup:
        return LayerSetup(
            task_key=self._tasks[layer].workload_key,
            space=self._spaces[layer],
            search=self._search,
            seed=0,
            device=FAKE_DEVICE,
        )

    def _recorder(self, sink: Sink, first_trial: int) -> Recorder:
        context = RunContext(
            run_id="run",
            target=self._target,
            device=FAKE_DEVICE,
            toolchain={},
            proposer=self._search,
            seed=0,
        )
        keys = [space.key for space in self._spaces]
        return Recorder(context, self._tasks, keys, sink, first_trial)


# Where there are rounds, `autotvm` takes long to plan each.
SEARCHES = [(StreamingLoop, search) for search in TRIALS] + [
    (TuningLoop, "evolutionary"),
    (TuningLoop, "dgtl"),
]


@pytest.fixture(params=SEARCHES, ids=lambda param: f"{param[0].__name__}-{param[1]}")
def resumable(
    request: pytest.FixtureRequest, network: Network, spaces: list[DesignSpace], target: TargetSpec
) -> Resumable:
    return Resumable(network, spaces, target, *request.param)


def trials_of(rows: Sequence[Measurement]) -> list[tuple[int, str, str]]:
    return [(row.trial, row.workload_key, row.config) for row in rows]


def test_a_resumed_search_asks_for_what_one_never_interrupted_asks_for(
    resumable: Resumable, tmp_path: Path
) -> None:
    whole, cut, rest = Sink(), CutShort(batches=4), Sink()
    resumable.run(whole)
    resumable.forget()
    file = tmp_path / "asked.jsonl"
    with pytest.raises(InterruptedSearchError):
        resumable.run(cut, AskedTrials(file))
    resumable.run(rest, AskedTrials(file), cut.rows)
    assert 20 < len(cut.rows) < resumable.trials - 20
    assert len(whole.rows) == resumable.trials
    assert trials_of([*cut.rows, *rest.rows]) == trials_of(whole.rows)
    assert not file.exists()
