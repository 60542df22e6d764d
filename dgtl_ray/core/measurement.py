"""Measurements: one configuration built and timed on a device, or the way in which it failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Status(StrEnum):
    """How a trial ended."""

    OK = "ok"
    BUILD_ERROR = "build_error"
    BUILD_TIMEOUT = "build_timeout"
    RUN_ERROR = "run_error"
    RUN_TIMEOUT = "run_timeout"
    WRONG_RESULT = "wrong_result"


class Stage(StrEnum):
    """Why a trial was asked for."""

    DEFAULT = "default"  # the sound default schedule, every task's first trial
    TUNING_SET = "tuning_set"  # chosen to tune the surrogate
    SEARCH = "search"  # chosen by the acquisition
    CONFIRM = "confirm"  # one of the best few, timed again before a winner is named


class TimedIn(StrEnum):
    """Where a kernel ran when it was timed."""

    ALONE = "alone"  # nothing but the kernel, and what passes through the caches between two runs
    NETWORK = "network"  # the whole network, timed call by call


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One row of history. `docs/history.md` says what each column means.

    `config` is the configuration as JSON (`""` for the default schedule); `cost_s` the median of
    `repeats_s`, None unless `status` is ok; `predicted_mean`, `predicted_std` are of log(cost_s),
    None where the proposer predicts nothing. Clocks and temperature are the device's just after the
    timing, None where it does not tell. `passed_bytes` passed through its caches between two runs;
    None, as `timed_in` is, where nothing was timed, or in rows of a time when that was not kept.
    `metrics` are what a user's function told, None where a kernel was timed.
    """

    run_id: str
    trial: int
    network: str
    task: str
    operator: str
    workload_key: str
    arg_shapes: tuple[tuple[int, ...], ...]
    arg_dtypes: tuple[str, ...]
    flop: float
    weight: int
    target: str
    device_key: str
    device: Mapping[str, str | int | float]
    toolchain: Mapping[str, str]
    space_key: str
    config: str
    encoding: tuple[float, ...]
    status: Status
    error: str
    repeats_s: tuple[float, ...]
    cost_s: float | None
    build_s: float
    timing_s: float
    proposer: str
    stage: Stage
    predicted_mean: float | None
    predicted_std: float | None
    seed: int
    core_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    temperature_c: float | None = None
    timed_in: TimedIn | None = None
    passed_bytes: int | None = None
    metrics: Mapping[str, float] | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def measurement_id(self) -> str:
        """Unique within all histories: a run numbers its trials once."""
        return f"{self.run_id}-{self.trial}"
