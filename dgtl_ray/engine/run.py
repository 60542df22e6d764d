"""One search from start to winners."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.device import DeviceDescriptor, DeviceKind
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.core.network_run import Skeleton
from dgtl_ray.core.progress import Monitor
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchClock, SearchTime
from dgtl_ray.engine.contest import NetworkContest
from dgtl_ray.engine.crew import CrewConfig, RayCrew
from dgtl_ray.engine.device import DeviceReport
from dgtl_ray.engine.health import HealthPolicy
from dgtl_ray.engine.kin import Kin
from dgtl_ray.engine.layer import Candidate, LayerSetup, Outcome, Transfer
from dgtl_ray.engine.loop import LoopConfig, TuningLoop
from dgtl_ray.engine.outcomes import outcome_of
from dgtl_ray.engine.recorder import MeasurementSink, Recorder, RunContext
from dgtl_ray.engine.scheduler import LayerRecord
from dgtl_ray.engine.session import ahead_s, ray_session
from dgtl_ray.engine.stream import StreamingLoop
from dgtl_ray.engine.winners import (
    ChooseWinner,
    ConfirmConfig,
    WinnerCheck,
    comparable,
    confirm,
    finalists,
    timed_alone,
    wrong_results,
)
from dgtl_ray.engine.workers import BuilderFactory, TimerFactory
from dgtl_ray.space import DesignSpace

# A model is tuned anew for each batch of a layer: larger batches make that worth its time.
_CHUNK = {"dgtl": 16}
_MOST_ACTORS = 8
# An actor takes seconds of a core to start, and mostly works while all cores build: fewer layers
# are not worth another, nor is more than one for two cores.
_LAYERS_AN_ACTOR = 4


def _nothing(_device: DeviceDescriptor) -> Sequence[Measurement]:
    return ()


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """Everything a search needs.

    Attributes:
        tasks: What is tuned, with the design space of each in `spaces`.
        target: TVM's target as JSON.
        history: Rows that may be known of these tasks, given the device that will time: those of
            this run, where it is resumed, and those of other runs.
        recall: Rows of these tasks that were fast on other devices, given that device: their
            configurations are the first to be measured.
        learn: What may be known of other tasks, given that device. Called once, before the search,
            and counted as search time.
        sink: Where measurements go; durable before they count.
        choose: Names a layer's winner from its rows.
        skeleton: Compiles the network without its layers, so that the best of each can be timed in
            it; None where they are to be compared alone.
        on_round: Called with the time spent, after each round is durable.
        asked: Where it is kept what was asked for, so that a resumed run goes on as one that was
            never interrupted; None to keep it nowhere.
        first_trial: Number of the run's next trial, beyond those of all that it ever measured: of
            those `history` may no longer tell.
        acquisition: What a proposer with a model chooses batches by.
        device_key: Key of the kind of device to tune for; "" for that of the first that is ready. A
            run that is resumed goes on with the kind that it began with.
        processor: The one that `timer` times on and no other, "" where it times on any.
        layer_actors: Processes that the layers are packed into; None for one for two cores, at most
            8, and none for fewer than four layers more.
        health: How devices are watched.
    """

    run_id: str
    tasks: Sequence[LayerTask]
    spaces: Sequence[DesignSpace]
    target: str
    search: str
    seed: int
    budget: Budget
    toolchain: Mapping[str, str]
    history: Callable[[DeviceDescriptor], Sequence[Measurement]]
    learn: Callable[[DeviceDescriptor], Knowledge]
    sink: MeasurementSink
    choose: ChooseWinner
    on_round: Callable[[SearchTime], None]
    builder: BuilderFactory
    timer: TimerFactory
    recall: Callable[[DeviceDescriptor], Sequence[Measurement]] = _nothing
    acquisition: Acquisition = ACQUISITION
    spent: SearchTime | None = None
    address: str = "local"
    evaluator: EvaluatorConfig = field(default_factory=EvaluatorConfig)
    confirm: ConfirmConfig = field(default_factory=ConfirmConfig)
    skeleton: Callable[[], Skeleton] | None = None
    asked: AskedTrials | None = None
    first_trial: int = 0
    device_key: str = ""
    processor: str = ""
    layer_actors: int | None = None
    health: HealthPolicy = field(default_factory=HealthPolicy)


@dataclass(frozen=True, kw_only=True)
class SearchOutcome:
    """What a search found.

    Attributes:
        device: What the kernels were timed on.
        devices: What each device of that kind did, and how it failed.
        rows: Measurements by layer, those known before included.
        winners: Configuration of each layer (`""` is the default schedule).
        schedules: Schedule text of each winner.
        ended: Why the search ended; "" where there was none.
        knowledge: What was known of other tasks.
        transfers: What came of it, by layer.
    """

    device: DeviceDescriptor
    devices: tuple[DeviceReport, ...] = ()
    rows: tuple[tuple[Measurement, ...], ...]
    winners: tuple[str, ...]
    schedules: tuple[str, ...]
    time: SearchTime
    ended: str = ""
    knowledge: Knowledge = field(default_factory=Knowledge)
    transfers: tuple[Transfer, ...] = ()


def search(request: SearchRequest, monitor: Monitor) -> SearchOutcome:
    """Search every layer within the budget, confirm the best, verify the winners.

    Raises:
        DeviceError: There is no device for the target.
        InputError: No Ray cluster at the address.
    """
    clock = SearchClock(request.spent, ahead_s=ahead_s() if request.address == "local" else 0.0)
    with ray_session(request.address):
        crew = RayCrew(request.tasks, _crew_config(request), monitor.note)
        try:
            return _Search(request, crew, clock, monitor).run()
        finally:
            crew.close()


class _Search:
    """The parts of one search, put together for the device that the crew has."""

    def __init__(
        self, request: SearchRequest, crew: RayCrew, clock: SearchClock, monitor: Monitor
    ) -> None:
        self._request = request
        self._crew = crew
        self._clock = clock
        self._monitor = monitor
        self._device = crew.describe_device()
        known = _rows_by_task(request.tasks, request.history(self._device))
        self._rows = dict(enumerate(_of_spaces(request.spaces, known)))
        # Trials of this run, by layer, whose design space has changed since.
        self._outdated = [
            self._count_trials(rows) - self._count_trials(self._rows[k])
            for k, rows in enumerate(known)
        ]
        self._knowledge = Knowledge()
        self._kin = Kin(request.spaces)
        for layer, rows in self._rows.items():
            for row in timed_alone(rows, wrong_results(rows)):
                self._kin.learn(layer, row)
        self._recorder = self._make_recorder()
        self._loop = self._make_loop()

    def run(self) -> SearchOutcome:
        request, crew = self._request, self._crew
        if outdated := sum(self._outdated):
            self._monitor.note(
                f"{outdated} trials of this run are of design spaces that have changed since: they"
                " count towards its budget, and nothing is learned of them"
            )
        self._loop.run(self._take_on)
        best = {k: finalists(self._rows[k], request.confirm) for k in range(len(request.tasks))}
        if not self._contest(best):
            confirm(self._loop, crew, best, request.confirm.alone_passes)
        winners = self._verified_winners()
        transfers = crew.transfers()
        texts = crew.schedules({k: [config] for k, config in winners.items()})
        return SearchOutcome(
            device=self._device,
            devices=crew.device_reports(),
            rows=tuple(tuple(self._rows[k]) for k in range(len(request.tasks))),
            winners=tuple(winners.values()),
            schedules=tuple(texts[k][0] for k in winners),
            time=self._clock.read(),
            ended=self._loop.ended,
            knowledge=self._knowledge,
            transfers=tuple(transfers[k] for k in winners),
        )

    def _contest(self, best: Mapping[int, Sequence[str]]) -> list[Measurement]:
        """Time the best of each layer in the network; nothing where it cannot be run there."""
        request = self._request
        if request.skeleton is None:
            return []
        contest = NetworkContest(
            request.tasks,
            request.skeleton,
            request.confirm,
            crew=self._crew,
            recorder=self._recorder,
            clock=self._clock,
            monitor=self._monitor,
        )
        rows = contest.run(best)
        request.on_round(self._clock.read())
        return rows

    def _take_on(self) -> None:
        """Learn what there is to know, and give the layers to actors."""
        setups = [self._setup(k) for k in range(len(self._request.tasks))]
        self._crew.start_layers(setups, self._known)
        if not self._is_spent():
            self._knowledge = self._request.learn(self._device)
        self._crew.take_on(self._knowledge)

    def _is_spent(self) -> bool:
        """Whether nothing more may be asked for, as where a run is resumed that had ended."""
        budget = self._request.budget
        return bool(budget.why_spent(self._loop.trials, self._clock.elapsed_s))

    def _known(self, layer: int) -> list[Outcome]:
        return [outcome_of(row) for row in timed_alone(self._rows[layer])]

    def append(self, rows: Sequence[Measurement]) -> None:
        """Make rows durable, then let them count."""
        self._request.sink.append(rows)
        layer_of = {task.workload_key: k for k, task in enumerate(self._request.tasks)}
        for row in rows:
            self._rows[layer_of[row.workload_key]].append(row)
        for row in timed_alone(rows):
            self._kin.learn(layer_of[row.workload_key], row)

    def _verified_winners(self) -> dict[int, str]:
        check = WinnerCheck(self._crew, self._recorder, self._clock, self._monitor)
        unchecked = list(range(len(self._request.tasks)))
        winners: dict[int, str] = {}
        while unchecked:
            named = {k: self._choose(k) for k in unchecked}
            winners |= named
            wrong = check.reject_wrong(named)
            # The default schedule is the last resort, whatever was found of it.
            unchecked = [k for k in named if named[k] and named[k] in {r.config for r in wrong}]
        return dict(sorted(winners.items()))

    def _choose(self, layer: int) -> str:
        rows = comparable(self._rows[layer], self._request.run_id)
        return self._request.choose(rows) or ""

    def _make_recorder(self) -> Recorder:
        request = self._request
        return Recorder(
            RunContext(
                run_id=request.run_id,
                target=request.target,
                device=self._device,
                toolchain=request.toolchain,
                proposer=request.search,
                seed=request.seed,
            ),
            request.tasks,
            [space.key for space in request.spaces],
            self,
            first_trial=request.first_trial,
        )

    def _make_loop(self) -> TuningLoop:
        chunk = _CHUNK.get(self._request.search, LoopConfig.chunk)
        parts: dict[str, Any] = {
            "crew": self._crew,
            "recorder": self._recorder,
            "records": [self._record(k) for k in range(len(self._request.tasks))],
            "clock": self._clock,
            "monitor": self._monitor,
            "config": LoopConfig(
                budget=self._request.budget, chunk=chunk, earlier=sum(self._outdated)
            ),
            "on_round": lambda: self._request.on_round(self._clock.read()),
            "tips": self._kin.tips,
            "asked": self._request.asked,
            "first": self._first(),
        }
        return TuningLoop(**parts) if self._crew.alternates else StreamingLoop(**parts)

    def _first(self) -> list[tuple[int, Candidate]]:
        """What comes before all proposals: what was asked for, and what was fast elsewhere.

        Of that the fastest of every layer first, then the next of each: time may not do for all.
        """
        unfinished = self._unfinished()
        asked = {(layer, candidate.config) for layer, candidate in unfinished}
        elsewhere = self._request.recall(self._device)
        of_layer = rows_by_layer(self._request.tasks, self._request.spaces, elsewhere)
        deepest = max(map(len, of_layer), default=0)
        recalled = [
            (k, rows[rank].config)
            for rank in range(deepest)
            for k, rows in enumerate(of_layer)
            if rank < len(rows)
        ]
        new = set(recalled) - asked - self._measured()
        fast = [(k, Candidate.bare(c, Stage.SEARCH)) for k, c in recalled if (k, c) in new]
        return unfinished + fast

    def _unfinished(self) -> list[tuple[int, Candidate]]:
        """What an earlier process of this run asked for, and nobody measured."""
        if self._request.asked is None:
            return []
        tasks, spaces = self._request.tasks, self._request.spaces
        keys = [(task.workload_key, space.key) for task, space in zip(tasks, spaces, strict=True)]
        return self._request.asked.open(keys, self._measured(), self._holds)

    def _holds(self, layer: int, config: str) -> bool:
        space = self._request.spaces[layer]
        return space.holds(space.key, config)

    def _measured(self) -> set[tuple[int, str]]:
        return {(layer, row.config) for layer, of in self._rows.items() for row in of}

    def _record(self, layer: int) -> LayerRecord:
        """What the scheduler knows of a layer; only this run's trials count towards its budget."""
        task = self._request.tasks[layer]
        budget = self._request.budget
        most = budget.layer_trials
        record = LayerRecord(
            name=task.name,
            flop=task.flop,
            weight=task.weight,
            most=None if most is None else max(0, most - self._outdated[layer]),
            patience=budget.layer_patience,
        )
        record.exhausted = self._request.spaces[layer].size == 0
        wrong = wrong_results(self._rows[layer])
        for row in timed_alone(self._rows[layer]):
            cost_s = None if row.config in wrong else row.cost_s
            if self._is_trial(row):
                record.add(cost_s, row.build_s + row.timing_s)
            elif cost_s is not None:
                record.learn(cost_s)
        return record

    def _count_trials(self, rows: Sequence[Measurement]) -> int:
        return sum(map(self._is_trial, rows))

    def _is_trial(self, row: Measurement) -> bool:
        """Whether a row counts towards this run's budget."""
        return row.run_id == self._request.run_id and row.stage is not Stage.CONFIRM

    def _setup(self, layer: int) -> LayerSetup:
        request = self._request
        return LayerSetup(
            task_key=request.tasks[layer].workload_key,
            space=request.spaces[layer],
            search=request.search,
            seed=request.seed,
            device=self._device,
            acquisition=request.acquisition,
        )


def rows_by_layer(
    tasks: Sequence[LayerTask], spaces: Sequence[DesignSpace], rows: Sequence[Measurement]
) -> list[list[Measurement]]:
    """Rows that are of each task and of its design space as it is now."""
    return _of_spaces(spaces, _rows_by_task(tasks, rows))


def _rows_by_task(
    tasks: Sequence[LayerTask], rows: Sequence[Measurement]
) -> list[list[Measurement]]:
    layer_of = {task.workload_key: k for k, task in enumerate(tasks)}
    of_task: list[list[Measurement]] = [[] for _ in tasks]
    for row in rows:
        if row.workload_key in layer_of:
            of_task[layer_of[row.workload_key]].append(row)
    return of_task


def _of_spaces(
    spaces: Sequence[DesignSpace], of_task: Sequence[Sequence[Measurement]]
) -> list[list[Measurement]]:
    return [
        [row for row in rows if space.holds(row.space_key, row.config)]
        for space, rows in zip(spaces, of_task, strict=True)
    ]


def _crew_config(request: SearchRequest) -> CrewConfig:
    most = max(1, min((os.cpu_count() or 1) // 2, _MOST_ACTORS))
    actors = request.layer_actors or min(most, -(-len(request.tasks) // _LAYERS_AN_ACTOR))
    return CrewConfig(
        run_id=request.run_id,
        target=request.target,
        builder=request.builder,
        timer=request.timer,
        evaluator=request.evaluator,
        layer_actors=actors,
        wanted=DeviceKind(request.device_key, request.processor),
        health=request.health,
    )
