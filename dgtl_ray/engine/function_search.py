"""The search of a user's function: workers call it, one layer actor proposes what for."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import ray
from ray.exceptions import RayError

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.function import FUNCTION_TARGET, FunctionResult, Objective
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.core.roles import NOTHING, BuildResult, RunResult
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.background import EventThread
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import Phase, SearchClock, SearchTime
from dgtl_ray.engine.function_crew import FunctionCrew
from dgtl_ray.engine.function_workers import Function, FunctionWorker, WorkerSetup, in_store
from dgtl_ray.engine.layer import Candidate, LayerSetup, Order, Outcome, Transfer
from dgtl_ray.engine.layers import LayerActors
from dgtl_ray.engine.outcomes import outcome_of, outcomes_by_layer
from dgtl_ray.engine.recorder import MeasurementSink, Recorder, RunContext, Trial
from dgtl_ray.engine.session import ray_session
from dgtl_ray.engine.trial_events import NoEvents, TrialEvents
from dgtl_ray.space.knob_space import KnobSpace

T = TypeVar("T")

# What is asked of a proposer at a time: as many as are measured at once, but not fewer than these.
_LEAST_ASKED = 4
# Nothing is built: the function does what there is to do.
_UNBUILT = BuildResult(status=Status.OK, error="", artifact=NOTHING, build_s=0.0)
_EXHAUSTED = "every configuration was measured"
_DESERTED = "no process can be had any more on the kind of device that the run is for"


def _tell_nobody(_text: str) -> None:
    """There is nobody to tell."""


@dataclass(frozen=True, kw_only=True)
class FunctionRequest:
    """Everything the search of a function needs.

    Attributes:
        task: The function as a task.
        space: Its configurations.
        objective: Which of its numbers counts.
        describe: What a process runs on; called in a worker, once for each of a cluster's CPUs.
        known: Rows that may be known of it, given that device: all of this run's, where it is
            resumed, and those of other runs.
        learn: What may be known of other tasks, given that device.
        sink: Where measurements go; durable before they count.
        first_trial: The number of the next trial of the run.
        device_key: Key of the kind of device that the run has measured on, "" where it has not.
        clock: Counts the time of the search.
        note: Tells the user what happens.
        events: Told of each trial.
        retries: How often a trial that failed is tried again; None for ever.
        keep_printed: Whether what the function prints is told, too.
        resources: What Ray reserves for a call.
        workers: Calls at once; None for as many as the cluster has room for.
        timeout_s: How long a call may take; None for ever.
        again: Whether configurations that failed in this run are tried again.
    """

    run_id: str
    task: LayerTask
    space: KnobSpace
    function: Function
    objective: Objective
    search: str
    seed: int
    budget: Budget
    toolchain: Mapping[str, str]
    describe: Callable[[], DeviceDescriptor]
    known: Callable[[DeviceDescriptor], Sequence[Measurement]]
    learn: Callable[[DeviceDescriptor], Knowledge]
    sink: MeasurementSink
    asked: AskedTrials
    first_trial: int = 0
    device_key: str = ""
    clock: SearchClock = field(default_factory=SearchClock)
    note: Callable[[str], None] = _tell_nobody
    events: TrialEvents = field(default_factory=NoEvents)
    retries: int | None = 0
    keep_printed: bool = False
    resources: Mapping[str, float] = field(default_factory=lambda: {"CPU": 1})
    workers: int | None = None
    timeout_s: float | None = None
    again: bool = False
    acquisition: Acquisition = ACQUISITION
    address: str = "local"


@dataclass(frozen=True, kw_only=True)
class FunctionOutcome:
    """What the search found.

    Attributes:
        rows: Measurements of the task on this kind of device, those known before included; of
            other runs, only what this one's space holds.
        ended: Why the search ended.
        knowledge: What was known of other functions and devices.
        transfer: What came of it.
    """

    device: DeviceDescriptor
    rows: tuple[Measurement, ...]
    time: SearchTime
    ended: str
    knowledge: Knowledge = field(default_factory=Knowledge)
    transfer: Transfer = field(default_factory=Transfer)


def search_function(request: FunctionRequest) -> FunctionOutcome:
    """Call the function for what a proposer chooses, until the budget is spent.

    Raises:
        InputError: The function cannot be brought to a worker, no node has room for a call, the
            run was begun on another kind of device, or no cluster is at the address.
        DeviceError: There is no such device.
    """
    with ray_session(request.address):
        events = EventThread()
        try:
            return events.run(_FunctionSearch(request).run())
        finally:
            events.close()


class _FunctionSearch:
    """One search; everything in it runs in one event loop."""

    def __init__(self, request: FunctionRequest) -> None:
        self._request = request
        self._clock = request.clock
        self._shares = _Shares(request.clock)
        setup = WorkerSetup(
            function=in_store(request.function),
            describe=request.describe,
            objective=request.objective,
            resources=request.resources,
            timeout_s=request.timeout_s,
            keep_printed=request.keep_printed,
        )
        self._crew = FunctionCrew(
            setup,
            begun_on=request.device_key,
            # A cluster elsewhere may rent more nodes for who waits; this machine stays as it is.
            can_grow=request.address != "local",
            note=request.note,
        )
        self._held: LayerActors | None = None
        self._knowledge = Knowledge()
        self._waiting: list[Candidate] = []
        self._finished: list[Trial] = []
        self._arrived = asyncio.Event()
        self._asking = asyncio.Lock()
        self._begun = 0
        self._next_trial = request.first_trial
        self._telling = asyncio.Lock()
        self._is_done = False
        self._ended = ""
        self._over = asyncio.Event()
        self._called_off = asyncio.Event()

    async def run(self) -> FunctionOutcome:
        """Search, and end the workers."""
        try:
            await self._prepare()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep())
                await asyncio.gather(
                    *(group.create_task(self._work(worker)) for worker in self._crew.workers)
                )
                self._end(_DESERTED)
                self._is_done = True
                self._arrived.set()
            transfer = await self._transfer()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        finally:
            self._close()
        self._request.asked.close()
        return FunctionOutcome(
            device=self._device,
            rows=(*self._strange, *self._rows),
            time=self._clock.read(),
            ended=self._ended,
            knowledge=self._knowledge,
            transfer=transfer,
        )

    async def _prepare(self) -> None:
        """Let workers be on one kind of device, and give the layer actor what is known."""
        request = self._request
        await self._crew.open()
        self._crew.hire(request.workers, request.budget.trials)
        self._device = await self._crew.settle()
        known = request.known(self._device)
        self._rows = [row for row in known if self._is_ours(row)]
        own = [row for row in known if row.run_id == request.run_id]
        # Those of the run whose parameters it has no more: they count, and teach nothing.
        self._strange = [row for row in own if not self._is_ours(row)]
        # One that was tried again is no other trial.
        self._begun = len({row.config for row in own})
        self._failures = self._failed() if request.again else []
        self._begun -= len(self._failures)
        self._recorder = self._make_recorder()
        with self._shares.doing(Phase.PROPOSING):
            self._held = LayerActors([self._setup()], 1, self._known)
            # Where nothing more is asked for nobody waits for a model.
            if not request.budget.why_spent(self._begun, self._clock.elapsed_s):
                self._knowledge = await asyncio.to_thread(request.learn, self._device)
            await self._layers.start(ray.put(self._knowledge))
            self._waiting = await self._unfinished()

    @property
    def _layers(self) -> LayerActors:
        if self._held is None:
            raise AssertionError("the layer is taken on before it is asked")
        return self._held

    async def _transfer(self) -> Transfer:
        """What came of what was known. All else is durable: no failure ends the run here."""
        try:
            return (await self._layers.transfers())[0]
        except (DgtlError, RayError) as error:
            return Transfer(fallbacks=(f"what came of its sources cannot be told: {error}",))

    def _is_ours(self, row: Measurement) -> bool:
        return self._request.space.holds(row.space_key, row.config)

    def _holds(self, _layer: int, config: str) -> bool:
        return self._request.space.holds(self._request.space.key, config)

    def _known(self, _layer: int) -> list[Outcome]:
        return [outcome_of(row) for row in self._rows]

    async def _unfinished(self) -> list[Candidate]:
        """What an earlier process of this run asked for, and nobody measured."""
        request = self._request
        measured = {(0, row.config) for row in self._rows}
        key = (request.task.workload_key, request.space.key)
        asked = request.asked.open([key], measured, self._holds)
        left = [*(candidate for _, candidate in asked), *map(_once_more, self._failures)]
        return (await self._layers.again({0: left})).get(0, []) if left else []

    def _failed(self) -> list[Measurement]:
        """The last measurement of each configuration that failed in this run and never ran."""
        own = [row for row in self._rows if row.run_id == self._request.run_id]
        fine = {row.config for row in own if row.status is Status.OK}
        return list({row.config: row for row in own if row.config not in fine}.values())

    async def _work(self, worker: FunctionWorker) -> None:
        """Call the function for one candidate after another, until there is none."""
        while (
            await self._has_process(worker, self._over, self._is_over)
            and (candidate := await self._next()) is not None
        ):
            number, self._next_trial = self._next_trial, self._next_trial + 1
            await self._tell(partial(self._request.events.began, number, candidate.config))
            result = await self._call(worker, number, candidate)
            self._finished.append(_trial(number, candidate, result, self._request.objective))
            self._arrived.set()
        # Another, whose process ended amid its trial, may be waiting for that room.
        worker.end()

    async def _has_process(
        self, worker: FunctionWorker, over: asyncio.Event, is_over: Callable[[], bool]
    ) -> bool:
        """Wait until a worker's process is there; False where it is over before, or there is none.

        No candidate is taken until then: one that waits for room, which others of this cluster may
        never leave, would keep the search from ending.

        Args:
            worker: The worker.
            over: Set when it may be over.
            is_over: Whether it is; asked when the time of the budget has passed, too.
        """
        ready = asyncio.create_task(worker.ready())
        ended = asyncio.create_task(over.wait())
        either: set[asyncio.Task[Any]] = {ready, ended}
        try:
            while not is_over():
                await asyncio.wait(
                    either, timeout=self._left_s(), return_when=asyncio.FIRST_COMPLETED
                )
                if ready.done():
                    return await ready
            return False
        finally:
            for task in either:
                task.cancel()

    async def _call(
        self, worker: FunctionWorker, number: int, candidate: Candidate
    ) -> FunctionResult:
        """Call the function, and again where it fails and may be tried again."""
        failures = 0
        while True:
            with self._shares.doing(Phase.TIMING):
                result = await worker.call(candidate.config)
            failures += result.status is not Status.OK
            again = result.status is not Status.OK and await self._may_retry(worker, failures)
            await self._tell(partial(self._request.events.called, number, result, again=again))
            if not again:
                return result

    async def _may_retry(self, worker: FunctionWorker, failures: int) -> bool:
        """Whether a trial that failed so often is tried once more; its process is there then.

        That all trials have begun is no reason against it; that the run is to end is one.
        """
        retries = self._request.retries
        if retries is not None and failures > retries:
            return False
        return await self._has_process(worker, self._called_off, self._is_called_off)

    async def _tell(self, event: Callable[[], T]) -> T:
        """Tell somebody, who may take his time: workers need not wait."""
        async with self._telling:
            return await asyncio.to_thread(event)

    async def _next(self) -> Candidate | None:
        async with self._asking:
            if self._is_over():
                return None
            if not self._waiting:
                self._waiting = await self._propose()
            if not self._waiting:
                self._end(_EXHAUSTED)
            if self._is_over():
                return None
            self._begun += 1
            return self._waiting.pop(0)

    def _is_over(self) -> bool:
        self._end(self._request.budget.why_spent(self._begun, self._clock.elapsed_s))
        return bool(self._ended)

    def _is_called_off(self) -> bool:
        """Whether what is under way is not to be tried again."""
        return self._called_off.is_set() or self._left_s() == 0.0

    def _end(self, why: str) -> None:
        """Begin nothing more, if there is a reason; the first one is told."""
        self._ended = self._ended or why
        if self._ended:
            self._over.set()

    def _left_s(self) -> float | None:
        """Seconds that the budget leaves, None where it has no time."""
        limit_s = self._request.budget.time_s
        return None if limit_s is None else max(0.0, limit_s - self._clock.elapsed_s)

    async def _propose(self) -> list[Candidate]:
        count = max(_LEAST_ASKED, self._crew.at_once)
        if (left := self._request.budget.trials_left(self._begun)) is not None:
            count = min(count, left)
        with self._shares.doing(Phase.PROPOSING):
            candidates = (await self._layers.propose({0: Order(count=count)})).get(0, [])
        self._request.asked.append(0, candidates)
        return candidates

    async def _keep(self) -> None:
        """Make finished trials durable, let them count, and tell the layer; until all work ends."""
        while self._finished or not self._is_done:
            if not self._finished:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            trials, self._finished = self._finished, []
            # Storage may be slow: workers need not wait for it.
            rows = await asyncio.to_thread(self._recorder.record, trials)
            self._rows += rows
            for row in rows:
                if why := await self._tell(partial(self._request.events.recorded, row)):
                    self._end(why)
                    self._called_off.set()
            await self._layers.observe(outcomes_by_layer([0] * len(rows), rows))

    def _make_recorder(self) -> Recorder:
        request = self._request
        context = RunContext(
            run_id=request.run_id,
            target=FUNCTION_TARGET,
            device=self._device,
            toolchain=request.toolchain,
            proposer=request.search,
            seed=request.seed,
        )
        return Recorder(
            context, [request.task], [request.space.key], request.sink, request.first_trial
        )

    def _setup(self) -> LayerSetup:
        request = self._request
        return LayerSetup(
            task_key=request.task.workload_key,
            space=request.space,
            search=request.search,
            seed=request.seed,
            device=self._device,
            acquisition=request.acquisition,
        )

    def _close(self) -> None:
        self._crew.end()
        if self._held is not None:
            self._held.kill()


class _Shares:
    """Divides the time between phases that overlap: while a call runs, its time is timing."""

    def __init__(self, clock: SearchClock) -> None:
        self._clock = clock
        self._under_way = dict.fromkeys((Phase.TIMING, Phase.PROPOSING), 0)
        self._since_s = clock.elapsed_s

    @contextmanager
    def doing(self, phase: Phase) -> Iterator[None]:
        """What happens inside is of `phase`."""
        self._change(phase, 1)
        try:
            yield
        finally:
            self._change(phase, -1)

    def _change(self, phase: Phase, by: int) -> None:
        now_s = self._clock.elapsed_s
        of = next((one for one, count in self._under_way.items() if count), None)
        if of is not None:
            self._clock.add(of, now_s - self._since_s)
        self._since_s = now_s
        self._under_way[phase] += by


def _trial(
    number: int, candidate: Candidate, result: FunctionResult, objective: Objective
) -> Trial:
    """A call as a trial: nothing was built, and where its metric is a time that is its repeat."""
    is_ok = result.status is Status.OK
    cost_s = objective.cost_of(result.metrics[objective.metric]) if is_ok else None
    run = RunResult(
        status=result.status,
        error=result.error,
        repeats_s=(cost_s,) if cost_s is not None and objective.is_time else (),
        timing_s=result.seconds,
        metrics=result.metrics if is_ok else None,
    )
    return Trial(
        layer=0,
        candidate=candidate,
        build=_UNBUILT,
        run=run,
        number=number,
        own_cost_s=cost_s,
    )


def _once_more(row: Measurement) -> Candidate:
    return Candidate(
        config=row.config,
        schedule="",
        encoding=np.empty(0, np.float32),
        stage=row.stage,
        predicted_mean=row.predicted_mean,
        predicted_std=row.predicted_std,
    )
