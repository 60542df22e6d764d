"""Turns what happened to candidates into measurements, and makes them durable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from dgtl_ray.core.device import UNKNOWN_CONDITIONS, Conditions, DeviceDescriptor
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.core.roles import BuildResult, RunResult
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.layer import Candidate


class MeasurementSink(Protocol):
    """Keeps measurements; what `append` was given is durable when it returns."""

    def append(self, rows: Sequence[Measurement]) -> None:
        """Keep a batch."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What all measurements of a run share."""

    run_id: str
    target: str
    device: DeviceDescriptor
    toolchain: Mapping[str, str]
    proposer: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A candidate and what became of it; `run` is None where there was nothing to time.

    `number` is the trial's own, where it got one when it began; `own_cost_s` its cost, where that
    is made of a user's metric, and not of repeats.
    """

    layer: int
    candidate: Candidate
    build: BuildResult
    run: RunResult | None
    number: int | None = None
    own_cost_s: float | None = None

    @property
    def status(self) -> Status:
        """How it ended."""
        return self.build.status if self.run is None else self.run.status

    @property
    def cost_s(self) -> float | None:
        """Its own, or the median of the repeats; None where it failed."""
        if self.run is None or self.run.status is not Status.OK:
            return None
        return median(self.run.repeats_s) if self.own_cost_s is None else self.own_cost_s

    @property
    def conditions(self) -> Conditions:
        """What the device was like while it timed."""
        return UNKNOWN_CONDITIONS if self.run is None else self.run.conditions

    @property
    def spent_s(self) -> float:
        """Seconds that building and timing took."""
        return self.build.build_s + (self.run.timing_s if self.run else 0.0)


class Recorder:
    """Numbers the trials of a run and appends them to its history."""

    def __init__(
        self,
        context: RunContext,
        tasks: Sequence[LayerTask],
        space_keys: Sequence[str],
        sink: MeasurementSink,
        first_trial: int,
    ) -> None:
        self._context = context
        self._tasks = tasks
        self._space_keys = space_keys
        self._sink = sink
        self._next = first_trial

    def record(self, trials: Sequence[Trial]) -> list[Measurement]:
        """Append trials; they are durable when it returns."""
        rows = [
            self._measurement(trial, self._next + k if trial.number is None else trial.number)
            for k, trial in enumerate(trials)
        ]
        self._sink.append(rows)
        self._next += len(rows)
        return rows

    def _measurement(self, trial: Trial, number: int) -> Measurement:
        task, candidate, context = self._tasks[trial.layer], trial.candidate, self._context
        return Measurement(
            run_id=context.run_id,
            trial=number,
            network=task.network,
            task=task.name,
            operator=task.operator,
            workload_key=task.workload_key,
            arg_shapes=tuple(spec.shape for spec in task.args),
            arg_dtypes=tuple(spec.dtype for spec in task.args),
            flop=task.flop,
            weight=task.weight,
            target=context.target,
            device_key=context.device.key,
            device=context.device.as_dict(),
            toolchain=context.toolchain,
            space_key=self._space_keys[trial.layer],
            config=candidate.config,
            encoding=tuple(float(value) for value in candidate.encoding),
            status=trial.status,
            error=trial.build.error if trial.run is None else trial.run.error,
            repeats_s=trial.run.repeats_s if trial.run else (),
            cost_s=trial.cost_s,
            build_s=trial.build.build_s,
            timing_s=trial.run.timing_s if trial.run else 0.0,
            proposer=context.proposer,
            stage=candidate.stage,
            predicted_mean=candidate.predicted_mean,
            predicted_std=candidate.predicted_std,
            seed=context.seed,
            core_clock_mhz=trial.conditions.core_clock_mhz,
            memory_clock_mhz=trial.conditions.memory_clock_mhz,
            temperature_c=trial.conditions.temperature_c,
            timed_in=trial.run.timed_in if trial.cost_s is not None and trial.run else None,
            passed_bytes=trial.run.passed_bytes if trial.run else None,
            metrics=trial.run.metrics if trial.run else None,
        )
