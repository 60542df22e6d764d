"""Rounds: the next is proposed while one is built, and never while one is timed."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import cast

import numpy as np
import pytest

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.roles import NOTHING, Artifact, BuildResult, RunResult
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.crew import Built, RayCrew
from dgtl_ray.engine.layer import Candidate, Order, Outcome
from dgtl_ray.engine.loop import Asked, LoopConfig, TuningLoop
from dgtl_ray.engine.recorder import Recorder
from dgtl_ray.engine.scheduler import LayerRecord
from dgtl_ray.model import Network, TargetSpec
from dgtl_ray.testing.runs import example_context
from tests.engine.conftest import Sink

ROUND = 4


class WatchedCrew:
    """Proposes in a thread; notes what else is done then.

    Attributes:
        asked: Layers of each order, and how many of the trials of each had an outcome by then.
        built: How many candidates each round has.
        beside: For each round, whether proposals were made while it was built.
        beside_timing: The same of timing.
        prepared_after: How many trials were durable when the loop had its layers prepared.
    """

    build_slots = 1

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._proposing = Event()
        self._named = 0
        self._known: dict[int, int] = {}
        self._given: dict[int, int] = {}
        self.asked: list[dict[int, tuple[int, int]]] = []
        self.built: list[int] = []
        self.beside: list[bool] = []
        self.beside_timing: list[bool] = []
        self.prepared_after: list[int] = []

    def start_proposing(self, orders: Mapping[int, Order]) -> Future[dict[int, list[Candidate]]]:
        if orders:
            self._proposing.set()
            self.asked.append({k: (self._known.get(k, 0), self._given.get(k, 0)) for k in orders})
        return self._thread.submit(self._propose, orders)

    def again(self, candidates: Mapping[int, Sequence[Candidate]]) -> dict[int, list[Candidate]]:
        return {layer: list(of_layer) for layer, of_layer in candidates.items()}

    def observe(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        for layer, of_layer in outcomes.items():
            self._known[layer] = self._known.get(layer, 0) + len(of_layer)

    def build(self, items: Sequence[tuple[int, str]]) -> list[Built]:
        self.beside.append(self._proposing.is_set())
        self.built.append(len(items))
        result = BuildResult(status=Status.OK, error="", artifact=NOTHING, build_s=0.01)
        return [Built(result=result, artifact=NOTHING) for _ in items]

    def start_building(self, items: Sequence[tuple[int, str]]) -> Future[list[Built]]:
        return self._thread.submit(self.build, items)

    def keep(self, layer: int, schedule: str, built: Built, cost_s: float) -> None:
        assert cost_s == 1e-3

    def time(self, items: Sequence[tuple[Artifact, float | None]]) -> list[RunResult]:
        self.beside_timing.append(self._proposing.is_set())
        result = RunResult(status=Status.OK, error="", repeats_s=(1e-3,), timing_s=0.01)
        return [result for _ in items]

    def _propose(self, orders: Mapping[int, Order]) -> dict[int, list[Candidate]]:
        if orders:
            time.sleep(0.02)  # longer than building takes: timing has to wait
        proposed = {k: [self.candidate() for _ in range(o.count)] for k, o in orders.items()}
        for layer, order in orders.items():
            self._given[layer] = self._given.get(layer, 0) + order.count
        self._proposing.clear()
        return proposed

    def candidate(self) -> Candidate:
        self._named += 1
        return Candidate(
            config=str(self._named),
            schedule=str(self._named),
            encoding=np.zeros(1, np.float32),
            stage=Stage.SEARCH,
            predicted_mean=None,
            predicted_std=None,
        )


def run_with(
    crew: WatchedCrew,
    network: Network,
    target: TargetSpec,
    layers: int,
    chunk: int = ROUND,
    first: Asked = (),
) -> Sink:
    """A search of 10 rounds after the default schedules; each is of one layer, where chunks are."""
    tasks, sink = network.tasks[:layers], Sink()
    context = example_context(target.json)
    TuningLoop(
        crew=cast("RayCrew", crew),
        recorder=Recorder(context, tasks, ["space"] * layers, sink, first_trial=0),
        records=[LayerRecord(name=task.name, flop=task.flop, weight=1) for task in tasks],
        clock=SearchClock(),
        monitor=SilentMonitor(),
        config=LoopConfig(
            budget=Budget(trials=layers + 10 * ROUND, min_gain=0.0), round_size=ROUND, chunk=chunk
        ),
        on_round=lambda: None,
        tips=lambda _layer: (),
        first=first,
    ).run(prepare=lambda: crew.prepared_after.append(len(sink.rows)))
    return sink


@pytest.fixture
def crew() -> WatchedCrew:
    return WatchedCrew()


def test_the_next_round_is_proposed_beside_building_and_never_beside_timing(
    crew: WatchedCrew, network: Network, target: TargetSpec
) -> None:
    sink = run_with(crew, network, target, layers=2)
    rounds = [row.workload_key for row in sink.rows[2::ROUND]]
    assert len(rounds) == 10
    # The default schedules are built first; after the last round there is nothing to propose.
    before, *beside, after = crew.beside
    assert (before, after) == (False, False)
    assert sum(beside) > 5
    assert all(rounds[k] != rounds[k + 1] for k, was_beside in enumerate(beside) if was_beside)
    assert crew.beside_timing == [False] * 11


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_layer_is_asked_when_it_knows_of_all_its_trials(
    crew: WatchedCrew, network: Network, target: TargetSpec, layers: int
) -> None:
    run_with(crew, network, target, layers)
    assert len(crew.asked) == 10
    assert all(known == given for asked in crew.asked for known, given in asked.values())


def test_a_round_is_full_where_only_a_part_of_it_was_proposed_beside_building(
    crew: WatchedCrew, network: Network, target: TargetSpec
) -> None:
    run_with(crew, network, target, layers=3, chunk=ROUND // 2)
    # The default schedules of three layers, then rounds of two layers each: of the next two one was
    # in the round before, and is asked when that is known.
    assert crew.built == [3] + [ROUND] * 10
    assert sum(crew.beside[1:]) > 5
    assert len(crew.asked) > 15


def test_what_comes_first_is_handed_out_round_by_round(
    crew: WatchedCrew, network: Network, target: TargetSpec
) -> None:
    """However much it is, budgets are looked at after each; the last round is filled."""
    first = [(k % 3, crew.candidate()) for k in range(3 * ROUND + 1)]
    sink = run_with(crew, network, target, layers=3, first=first)
    assert crew.built == [3] + [ROUND] * 10
    configs = [row.config for row in sink.rows[3 : 3 + len(first)]]
    assert configs == [candidate.config for _, candidate in first]


def test_one_layer_learns_of_each_round_before_the_next(
    crew: WatchedCrew, network: Network, target: TargetSpec
) -> None:
    run_with(crew, network, target, layers=1)
    assert not any(crew.beside)


@pytest.mark.parametrize(("layers", "timed"), [(2, 2), (3, 0)])
def test_few_default_schedules_are_timed_before_anything_else(
    crew: WatchedCrew, network: Network, target: TargetSpec, layers: int, timed: int
) -> None:
    run_with(crew, network, target, layers)
    assert crew.prepared_after == [timed]
