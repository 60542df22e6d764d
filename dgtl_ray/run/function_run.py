"""A tuning run of a user's function, from parameters to the best of them."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition, acquisition_name
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FUNCTION_TARGET, Objective, function_task
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.core.progress import Monitor
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.function_search import FunctionOutcome, FunctionRequest, search_function
from dgtl_ray.engine.function_workers import Function
from dgtl_ray.history import ParquetHistory, SourceKey
from dgtl_ray.measure.host import describe_cpu_host, describe_gpu_host
from dgtl_ray.measure.toolchain import host_toolchain
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.run.function_events import Failing, FunctionEvents, Hearing, PrintedFiles
from dgtl_ray.run.function_knowledge import function_observations, knowledge_of_others
from dgtl_ray.run.knowledge import begun_on, transfer_notes
from dgtl_ray.run.noted_time import NotedTime
from dgtl_ray.run.record import RunRecord, recorded_rows
from dgtl_ray.run.source_use import source_uses
from dgtl_ray.run.trials import TrialGrid, TrialSummary, trial_result
from dgtl_ray.space.knob_space import KnobSpace

_STORAGE_PATIENCE_S = 600.0
# How often progress is told while trials come in.
_TOLD_S = 5.0


@dataclass(frozen=True, kw_only=True)
class FunctionConfig:
    """What to tune, for how long, where it lives.

    Attributes:
        task: Name of the function as a task: what is measured of another of the same name and
            parameters is of the same task.
        again: Whether configurations that failed in this run are tried again.
        hear: Told of each trial; ends the run where it returns why.
        failing: What comes of a trial that fails.
        callbacks: Ray Tune's, or None for none.
        log_to_file: What is kept of what the function prints, as `PrintedFiles` takes it.
    """

    run_id: str
    task: str
    function: Function
    space: KnobSpace
    objective: Objective
    budget: Budget
    search: str
    seed: int
    folder: str
    history: str | None
    sources: tuple[str, ...]
    resume: bool
    again: bool
    address: str
    resources: Mapping[str, float]
    workers: int | None
    timeout_s: float | None
    acquisition: Acquisition = ACQUISITION
    hear: Sequence[Hearing] = field(default=())
    failing: Failing = field(default_factory=Failing)
    callbacks: Callbacks | None = None
    log_to_file: bool | str | tuple[str, str] = False


class FunctionRun:
    """One run; `run` may be called once."""

    def __init__(self, config: FunctionConfig, monitor: Monitor) -> None:
        self._config = config
        self._monitor = monitor
        self._folder = RunFolder(config.folder)
        self._sources = [ParquetHistory(uri) for uri in config.sources]
        names = [knob.name for knob in config.space.knobs]
        self._task = function_task(config.task, names, config.objective)
        self._progress = _Progress(config.objective, monitor)
        self._printed = PrintedFiles(config.folder, config.log_to_file, monitor.note)

    def run(self) -> TrialGrid:
        """Search, and give every trial of the run.

        Raises:
            InputError: Something given cannot be used; the message says what.
        """
        try:
            return self._run()
        finally:
            self._folder.give_up()

    def _run(self) -> TrialGrid:
        config = self._config
        self._folder.check(resume=config.resume)
        for source in self._sources:
            source.require_rows()
        state = self._begin()
        record = RunRecord(self._folder, state)
        clock = SearchClock(state.spent)
        with closing(NotedTime(self._folder, state, record)) as noted:
            outcome = self._search(self._request(state, record, clock, noted))
        record.deliver(_STORAGE_PATIENCE_S)
        record.store.compact()
        state = replace(state, recorded=record.recorded)
        self._monitor.note(f"search over: {outcome.ended}")
        grid = self._grid(state, outcome)
        self._folder.save_result(grid.as_dict())
        self._folder.save_time(state, outcome.time, finished=True)
        return grid

    def results(self) -> TrialGrid:
        """Every trial that the run in the folder has made, without a search.

        Raises:
            InputError: Its history cannot be read.
        """
        state = self._folder.read()
        rows = recorded_rows(self._folder, state)
        if not rows:
            raise InputError(f"the run in {self._folder.uri} has measured nothing yet: call fit()")
        device = DeviceDescriptor(**cast("dict[str, Any]", rows[0].device))
        time_s = state.spent or SearchClock().read()
        outcome = FunctionOutcome(device=device, rows=tuple(rows), time=time_s, ended="")
        return self._grid(state, outcome)

    def _search(self, request: FunctionRequest) -> FunctionOutcome:
        """Search; callbacks are told of the end however it comes."""
        try:
            return search_function(request)
        finally:
            self._printed.close()
            if self._config.callbacks is not None:
                self._config.callbacks.close()

    def _begin(self) -> RunState:
        config = self._config
        state = RunState(
            run_id=config.run_id,
            network=self._task.name,
            network_hash=self._task.workload_key,
            target=FUNCTION_TARGET,
            search=config.search,
            acquisition=acquisition_name(config.acquisition),
            seed=config.seed,
            history=config.history or self._folder.history,
        )
        return self._folder.begin(state, resume=config.resume)

    def _request(
        self, state: RunState, record: RunRecord, clock: SearchClock, noted: NotedTime
    ) -> FunctionRequest:
        config = self._config
        on_gpu = any(name.upper() == "GPU" and n for name, n in config.resources.items())
        stores = [*self._sources, record.store]
        return FunctionRequest(
            run_id=state.run_id,
            task=self._task,
            space=config.space,
            function=config.function,
            objective=config.objective,
            search=state.search,
            seed=state.seed,
            acquisition=config.acquisition,
            budget=config.budget,
            toolchain=host_toolchain(),
            describe=describe_gpu_host if on_gpu else describe_cpu_host,
            known=partial(function_observations, stores, self._task.workload_key),
            learn=partial(self._learn, stores),
            sink=record,
            first_trial=record.first_trial(),
            device_key=begun_on(record.store, state.run_id),
            clock=clock,
            note=self._monitor.note,
            asked=AskedTrials(self._folder.asked(state.run_id)),
            events=self._events(state.run_id, clock, noted),
            retries=config.failing.retries,
            keep_printed=bool(self._printed),
            resources=config.resources,
            workers=config.workers,
            timeout_s=config.timeout_s,
            again=config.again,
            address=config.address,
        )

    def _learn(self, stores: Sequence[ParquetHistory], device: DeviceDescriptor) -> Knowledge:
        own = SourceKey(self._task.workload_key, device.key, FUNCTION_TARGET)
        return knowledge_of_others(
            stores,
            self._config.space,
            own,
            search=self._config.search,
            monitor=self._monitor,
            is_named=bool(self._sources),
        )

    def _events(self, run_id: str, clock: SearchClock, noted: NotedTime) -> FunctionEvents:
        config = self._config
        note = partial(self._note, clock, noted)
        hearings: list[Hearing] = [note, config.failing, *config.hear]
        return FunctionEvents(run_id, hearings, config.callbacks, self._printed)

    def _note(self, clock: SearchClock, noted: NotedTime, row: Measurement) -> str:
        self._progress.hear(row)
        noted.hear(clock.read())
        return ""

    def _grid(self, state: RunState, outcome: FunctionOutcome) -> TrialGrid:
        own = sorted(
            (row for row in outcome.rows if row.run_id == state.run_id), key=lambda row: row.trial
        )
        results = [trial_result(row, self._folder.uri) for row in own]
        objective = self._config.objective
        return TrialGrid(results, objective, self._folder.uri, self._summary(state, outcome, own))

    def _summary(
        self, state: RunState, outcome: FunctionOutcome, own: Sequence[Measurement]
    ) -> TrialSummary:
        fine = [row for row in outcome.rows if row.cost_s is not None]
        best = min(fine, key=lambda row: row.cost_s or 0.0, default=None)
        objective = self._config.objective
        return TrialSummary(
            run_id=state.run_id,
            task=self._task.name,
            device=outcome.device.name,
            search=state.search,
            seed=state.seed,
            metric=objective.metric,
            mode=objective.mode,
            trials=len(own),
            failed=sum(row.status is not Status.OK for row in own),
            best=_told(best) if best else None,
            search_s=outcome.time.as_dict(),
            history=state.history,
            ended=outcome.ended,
            sources=source_uses(
                outcome.knowledge.sources, {self._task.name: outcome.transfer.sources}
            ),
            notes=transfer_notes([self._task.name], [outcome.transfer]),
        )


class _Progress:
    """Tells the user how it goes, now and then."""

    def __init__(self, objective: Objective, monitor: Monitor) -> None:
        self._objective = objective
        self._monitor = monitor
        self._trials = self._failed = 0
        self._best: Measurement | None = None
        self._next = time.monotonic() + _TOLD_S

    def hear(self, row: Measurement) -> None:
        """Take a trial in."""
        self._trials += 1
        self._failed += row.status is not Status.OK
        best_s = self._best.cost_s if self._best else None
        if row.cost_s is not None and (best_s is None or row.cost_s < best_s):
            self._best = row
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _TOLD_S
        best = "" if self._best is None else f"; best {_short(_told(self._best), self._objective)}"
        self._monitor.note(f"{self._trials} trials, {self._failed} failed{best}")


def _told(row: Measurement) -> dict[str, Any]:
    return {"config": json.loads(row.config), "metrics": dict(row.metrics or {})}


def _short(told: Mapping[str, Any], objective: Objective) -> str:
    return f"{objective.metric} {told['metrics'].get(objective.metric):.6g} with {told['config']}"


def require_function(function: Any) -> Function:
    """What is tuned, if it can be called.

    Raises:
        InputError: It cannot.
    """
    if not callable(function):
        raise InputError(f"{function!r} cannot be called with a configuration")
    called: Function = function
    return called
