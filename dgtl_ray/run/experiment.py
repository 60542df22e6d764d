"""A tuning run from network to verified module."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition, acquisition_name
from dgtl_ray.core.algorithms import ALGORITHMS
from dgtl_ray.core.device import DeviceDescriptor, mentions, processor_of
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.inside import Inside
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.core.network_run import Skeleton
from dgtl_ray.core.precision import OWN
from dgtl_ray.core.progress import Monitor
from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.deploy import ModuleMetadata, compile_skeleton
from dgtl_ray.engine.asked import AskedTrials
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.memory import MemoryMeter
from dgtl_ray.engine.run import SearchOutcome, SearchRequest, rows_by_layer, search
from dgtl_ray.engine.winners import comparable
from dgtl_ray.engine.workers import TimerFactory
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure import LocalBuilder, LocalTimer, SpaceReader, toolchain
from dgtl_ray.measure.own_cpu import OwnCpuTimer
from dgtl_ray.model import Network, TargetSpec, exact_math, load_network
from dgtl_ray.model.checking.choosing import require_right
from dgtl_ray.run.builtin import builtin_model
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.run.checking import require_tunable
from dgtl_ray.run.comparison import verdict
from dgtl_ray.run.finishing import Finished, Plan
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.run.knowledge import Experience, begun_on, read_model, transfer_notes
from dgtl_ray.run.noted_time import NotedTime
from dgtl_ray.run.record import RunRecord
from dgtl_ray.run.results import Result, ResultGrid, RunSummary
from dgtl_ray.run.source_use import source_uses
from dgtl_ray.run.venue import Venue
from dgtl_ray.run.winning import alone, best_of, place_of
from dgtl_ray.space import DesignSpace

# How long a finished search waits for storage that cannot be reached.
_STORAGE_PATIENCE_S = 600.0


@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """What to tune, for what, for how long, where it lives."""

    run_id: str
    network: Any
    example_inputs: Sequence[Any] | None
    target: str
    budget: Budget
    search: str
    seed: int
    folder: str
    history: str | None
    sources: tuple[str, ...]
    model: Path | None
    resume: bool
    compare: bool
    address: str
    device: str = ""
    shapes: Shapes = AS_IN_FILE
    acquisition: Acquisition = ACQUISITION
    precision: str = OWN
    exact_math: bool = False
    algorithms: tuple[str, ...] = ALGORITHMS
    evaluator: EvaluatorConfig = field(default_factory=EvaluatorConfig)
    callbacks: Callbacks | None = None


class Experiment:
    """One run; `run` may be called once."""

    def __init__(self, config: ExperimentConfig, monitor: Monitor) -> None:
        self._config = config
        self._folder = RunFolder(config.folder)
        self._sources = [ParquetHistory(uri) for uri in config.sources]
        self._meter = MemoryMeter(monitor)
        self._venue = Venue(config.address, self._meter.note)

    def run(self) -> ResultGrid:
        """Load, search, deploy, verify, compare.

        Raises:
            InputError: Something given cannot be used; the message says what.
            DeviceError: There is no device for the target.
        """
        try:
            with self._venue.open():
                return self._run()
        finally:
            self._folder.give_up()
            self._meter.close()

    def _run(self) -> ResultGrid:
        self._folder.check(resume=self._config.resume, history=self._config.history)
        self._venue.check(self._folder.places(self._config.history))
        target = self._venue.target(
            self._config.target, self._device_wanted(), self._processor_wanted()
        )
        self._venue.require_network(self._config.network)
        if self._config.exact_math:
            target = exact_math(target)
        for source in self._sources:
            source.require_rows()  # Better to fail before loading than after.
        model = None if self._config.model is None else read_model(self._config.model)
        self._meter.note(f"loading {self._config.network}")
        self._venue.warm_up(target)
        with SpaceReader() as reader:
            network = load_network(
                self._config.network,
                target,
                example_inputs=self._config.example_inputs,
                shapes=self._config.shapes,
                precision=self._config.precision,
            )
            network = self._checked(network, target)
            spaces = reader.read(network.tasks, target.json, self._config.algorithms)
        state = self._begin(network, target)
        record = RunRecord(self._folder, state, self._config.callbacks)
        outcome = self._search(network, spaces, target, state, record, model)
        self._meter.note("compiling the tuned network, and timing it beside other runtimes")
        grid = self._deploy(network, spaces, target, state, outcome)
        record.store.compact()
        state = replace(state, recorded=record.recorded, verified=grid.summary.verified)
        self._folder.save_result(grid.as_dict())
        self._folder.save_time(state, outcome.time, finished=True)
        return grid

    def _checked(self, network: Network, target: TargetSpec) -> Network:
        """The network by a way in that is right, before anything is spent on it."""
        for note in network.notes:
            self._meter.note(note)
        self._meter.note("checking it against its own framework")
        require_tunable(network)
        right, report = require_right(network, target)
        news = [note for note in right.notes if note not in network.notes]
        for note in (*news, *report.notes):
            self._meter.note(note)
        return right

    def _device_wanted(self) -> str:
        """What kind of device the run has to go on with, or the user wants.

        Raises:
            InputError: The user wants another kind than the run was begun on.
        """
        wanted = self._config.device
        if not self._is_resumed:
            return wanted
        state = self._folder.read()
        begun = begun_on(RunRecord(self._folder, state).store, state.run_id)
        if begun and wanted and not mentions(begun, wanted):  # a key has the device's name in it
            raise InputError(
                f"the run in {self._folder.uri} was begun on {begun}, not on {wanted}:"
                " resume it without a device, or begin a new run that learns from its history"
            )
        return begun or wanted

    def _processor_wanted(self) -> str:
        """The processor of the devices that the run was begun on, "" where its target tells none.

        One that the user wrote down says what to build for, and not where it was timed.
        """
        state = self._folder.read() if self._is_resumed else None
        return processor_of(state.target) if state is not None and state.own_target else ""

    @property
    def _is_resumed(self) -> bool:
        return self._config.resume and self._folder.has_run()

    def _begin(self, network: Network, target: TargetSpec) -> RunState:
        config = self._config
        history = config.history or self._folder.history
        state = RunState(
            run_id=config.run_id,
            network=network.name,
            network_hash=network.network_hash,
            target=target.json,
            search=config.search,
            acquisition=acquisition_name(config.acquisition),
            seed=config.seed,
            history=history,
            algorithms=",".join(config.algorithms),
            precision=config.precision,
            own_target=config.target == target.kind,
        )
        return self._folder.begin(state, resume=config.resume)

    def _search(
        self,
        network: Network,
        spaces: Sequence[DesignSpace],
        target: TargetSpec,
        state: RunState,
        record: RunRecord,
        model: Knowledge | None,
    ) -> SearchOutcome:
        experience = Experience(
            stores=[*self._sources, record.store],
            tasks=network.tasks,
            target=target.json,
            search=state.search,
            model=model,
            beyond=[record.store] if self._config.model == builtin_model(target.kind) else (),
        )
        if self._config.budget.trials == 0:
            return _from_history(network, spaces, self._venue.describe(target), experience)
        self._meter.note(f"searching {len(network.tasks)} layer tasks")
        noted = NotedTime(self._folder, state, record)
        request = SearchRequest(
            run_id=state.run_id,
            tasks=network.tasks,
            spaces=spaces,
            target=target.json,
            search=state.search,
            seed=state.seed,
            acquisition=self._config.acquisition,
            budget=self._config.budget,
            toolchain=toolchain(),
            history=experience.observations,
            recall=experience.recall,
            learn=partial(experience.learn, monitor=self._meter),
            sink=record,
            choose=best_config,
            skeleton=self._skeleton(network, target),
            on_round=noted.hear,
            builder=LocalBuilder,
            timer=_timer(target, self._venue.processor),
            spent=state.spent,
            address=self._config.address,
            evaluator=self._config.evaluator,
            asked=AskedTrials(self._folder.asked(state.run_id)),
            first_trial=record.first_trial(),
            device_key=begun_on(record.store, state.run_id) or self._venue.device_key,
            processor=self._venue.processor,
        )
        with closing(noted):
            outcome = search(request, self._meter)
        record.deliver(_STORAGE_PATIENCE_S)
        return outcome

    def _skeleton(self, network: Network, target: TargetSpec) -> Callable[[], Skeleton] | None:
        """Compiles the network without its layers; on a GPU layers are compared alone."""
        return partial(compile_skeleton, network, target) if target.kind == "cpu" else None

    def _deploy(
        self,
        network: Network,
        spaces: Sequence[DesignSpace],
        target: TargetSpec,
        state: RunState,
        outcome: SearchOutcome,
    ) -> ResultGrid:
        keys = [task.workload_key for task in network.tasks]
        schedules = dict(zip(keys, outcome.schedules, strict=True))
        results = [
            replace(
                _result(network, outcome, k, state.run_id),
                untunable=space.untunable,
                path=self._folder.uri,
            )
            for k, space in enumerate(spaces)
        ]
        plan = Plan(
            spec=self._config.network,
            example_inputs=self._config.example_inputs,
            shapes=self._config.shapes,
            way=network.source.way,
            precision=self._config.precision,
            target=target,
            schedules=schedules,
            metadata=_metadata(network, target, outcome.device, results),
            compare=self._config.compare,
        )
        finished = self._venue.finish(plan, network, self._folder.unverified)
        results = [_as_in_network(result, finished) for result in results]
        module = self._folder.publish(verified=finished.verification.ok)
        summary = self._summary(state, outcome, finished, results, module)
        return ResultGrid(results, summary, self._folder.uri)

    def _summary(
        self,
        state: RunState,
        outcome: SearchOutcome,
        finished: Finished,
        results: Sequence[Result],
        module: str,
    ) -> RunSummary:
        peak = self._meter.peak
        return RunSummary(
            network=state.network,
            target=state.target,
            device=outcome.device.name,
            run_id=state.run_id,
            search=state.search,
            seed=state.seed,
            verified=finished.verification.ok,
            max_relative_error=finished.verification.max_relative_error,
            trials=sum(result.trials for result in results),
            failed=sum(result.failed for result in results),
            latency_s=finished.comparison.latency_s,
            verdict=verdict(finished.comparison.latency_s),
            inside=_inside(finished.inside),
            search_s=outcome.time.as_dict(),
            memory_bytes={"total": peak.total_bytes, "driver": peak.driver_bytes},
            history=state.history,
            module=module,
            toolchain=toolchain(),
            ended=outcome.ended,
            sources=source_uses(
                outcome.knowledge.sources, {result.task: result.sources for result in results}
            ),
            devices=tuple(report.as_dict() for report in outcome.devices),
            notes=(
                *finished.fault_notes(),
                *_tuning_notes(results),
                *transfer_notes([result.task for result in results], outcome.transfers),
                *filter(None, (report.story() for report in outcome.devices)),
                *finished.comparison.notes,
            ),
        )


def best_config(rows: Sequence[Measurement]) -> str | None:
    """The winner's configuration."""
    best = best_of(rows)
    return None if best is None else best.config


def _timer(target: TargetSpec, processor: str) -> TimerFactory:
    """Who times: where a processor was chosen among a cluster's, no others that share its name.

    GPUs of one name are of one generation.
    """
    is_chosen = target.kind == "cpu" and processor
    return partial(OwnCpuTimer, processor) if is_chosen else LocalTimer


def _from_history(
    network: Network,
    spaces: Sequence[DesignSpace],
    device: DeviceDescriptor,
    experience: Experience,
) -> SearchOutcome:
    """What history knows already, without a single measurement."""
    clock = SearchClock()
    layers = rows_by_layer(network.tasks, spaces, experience.observations(device))
    winners = tuple(best_config(rows) or "" for rows in layers)
    schedules = tuple(
        space.schedule_of(space.row_of(config)) if config else ""
        for space, config in zip(spaces, winners, strict=True)
    )
    return SearchOutcome(
        device=device,
        rows=tuple(tuple(rows) for rows in layers),
        winners=winners,
        schedules=schedules,
        time=clock.read(),
    )


def _result(network: Network, outcome: SearchOutcome, layer: int, run_id: str) -> Result:
    task, rows = network.tasks[layer], outcome.rows[layer]
    best = best_of(comparable(rows, run_id))
    own = [row for row in rows if row.run_id == run_id and row.stage is not Stage.CONFIRM]
    by_itself = alone(rows, outcome.winners[layer])
    return Result(
        task=task.name,
        operator=task.operator,
        workload_key=task.workload_key,
        flop=task.flop,
        weight=task.weight,
        config=outcome.winners[layer],
        latency_s=best.latency_s if best else None,
        measured_s=best.latency_s if best else None,
        timed_in=place_of(best, rows).value if best else "",
        default_s=by_itself.default_s,
        alone_s=by_itself.winner_s,
        trials=len(own),
        failed=sum(row.status is not Status.OK for row in own),
        error="" if best else "never measured: the default schedule is used",
        measurement_ids=best.measurement_ids if best else (),
        sources=outcome.transfers[layer].sources if outcome.transfers else (),
    )


def _tuning_notes(results: Sequence[Result]) -> list[str]:
    """Which layers keep the default schedule because there is no other, and why."""
    return [f"{r.task} is not tunable: {r.untunable}" for r in results if r.untunable]


def _as_in_network(result: Result, finished: Finished) -> Result:
    """The result with the layer's latency in the tuned network, where that is known."""
    latency_s = finished.layers_s.get(result.workload_key)
    if latency_s is None:
        return result
    return replace(result, latency_s=latency_s, timed_in=TimedIn.NETWORK.value)


def _inside(inside: Inside | None) -> dict[str, Any] | None:
    """The network's time, its layers', and what the difference is made of."""
    if inside is None:
        return None
    return {
        "network_s": inside.network_s,
        "layers_s": inside.layers_s,
        "beside_s": inside.parts_s(),
    }


def _metadata(
    network: Network, target: TargetSpec, device: DeviceDescriptor, results: Sequence[Result]
) -> ModuleMetadata:
    return ModuleMetadata(
        network=network.name,
        network_hash=network.network_hash,
        target=target.json,
        device_key=device.key,
        device=device.as_dict(),
        toolchain=toolchain(),
        input_names=network.input_names,
        inputs=network.inputs,
        history=tuple(key for result in results for key in result.measurement_ids),
    )
