"""The roles of the tuning loop, and what passes between them.

A recorded table can stand in for building and timing, a fake device for a GPU, without the rest
knowing: the engine asks for nothing but these protocols.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import UNKNOWN_CONDITIONS, Conditions, DeviceDescriptor
from dgtl_ray.core.measurement import Stage, Status, TimedIn
from dgtl_ray.core.task import ALONE, Surroundings, TensorSpec

if TYPE_CHECKING:
    from dgtl_ray.core.network_run import NetworkInput, NetworkResult

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]

# A schedule that is none: the program as TVM builds it where nothing was tuned.
UNTUNED = "untuned"


@dataclass(frozen=True, kw_only=True)
class BuildInput:
    """What a build worker needs to make one candidate; all text, so that it travels anywhere.

    Attributes:
        program: The task's unscheduled program (`LayerTask.program`).
        target: TVM's target as JSON.
        schedule: The trace with its decisions as JSON, `""` for the default schedule, or `UNTUNED`.
    """

    program: str
    target: str
    schedule: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A built candidate, as it travels from where it is built to where it is timed.

    Attributes:
        library: A shared library's bytes.
        args: What its `main` takes, inputs before outputs; weights as the candidate wants them.
        preparations: How it wants the weights that it does not take as the network has them, as
            text (`space.sketches.scheduled`).
        rounds: Whether it rounds to integers on the way: a value between two may go to either.
    """

    library: bytes
    args: tuple[TensorSpec, ...] = ()
    preparations: str = ""
    rounds: bool = False


# What there is of a candidate that could not be built.
NOTHING = Artifact(library=b"")


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """How a build ended; `artifact` is `NOTHING` unless `status` is ok."""

    status: Status
    error: str
    artifact: Artifact
    build_s: float


@dataclass(frozen=True, kw_only=True)
class EvaluatorConfig:
    """How a candidate is timed.

    Attributes:
        repeat: The fewest repeats, each of one run, of a candidate that is in the running.
        min_time_ms: There are more of them where they take less than this together.
        give_up_factor: First runs this many times slower than the best so far end the timing.
        timeout_s: Wall-clock limit of timing one candidate.
    """

    repeat: int = 5
    min_time_ms: float = 30.0
    give_up_factor: float = 3.0
    timeout_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class RunInput:
    """A built candidate to time; `best_s` is the best latency known, None if there is none.

    `surroundings` are those of its task: what it will find in its network it shall find now.
    """

    artifact: Artifact
    target: str
    evaluator: EvaluatorConfig
    best_s: float | None
    surroundings: Surroundings = ALONE


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Every repeat in seconds per run of the kernel; `timing_s` is the wall-clock it took.

    `conditions` are those of the device just after the last repeat, `passed_bytes` of other data
    passed through its caches between two runs; None where the kernel was not timed. `metrics` are
    what a user's function told; None where a kernel was timed.
    """

    status: Status
    error: str
    repeats_s: tuple[float, ...]
    timing_s: float
    conditions: Conditions = UNKNOWN_CONDITIONS
    passed_bytes: int | None = None
    timed_in: TimedIn = TimedIn.ALONE
    metrics: Mapping[str, float] | None = None


class Builder(Protocol):
    """Makes candidates; a candidate that crashes or hangs costs only itself."""

    def build(self, item: BuildInput) -> BuildResult:
        """Build one candidate. Never raises for what the candidate does."""
        ...

    def close(self) -> None:
        """End the processes it holds."""
        ...


class Timer(Protocol):
    """Times candidates on the one device it owns."""

    def describe(self, target: str) -> DeviceDescriptor:
        """What the device is; `target` is TVM's target as JSON.

        Raises:
            DeviceError: There is no such device here.
        """
        ...

    def time(self, item: RunInput) -> RunResult:
        """Time one candidate. Never raises for what the candidate does."""
        ...

    def time_network(self, item: "NetworkInput") -> "NetworkResult":
        """Run a network with one alternative of each layer at a time.

        Never raises for what it does; an alternative that fails costs only itself.
        """
        ...

    def verify(self, artifact: Artifact, reference: Artifact, target: str) -> RunResult:
        """Run candidate and reference on the same inputs; the reference prepares no weights.

        The status is `wrong_result`, with the largest relative error told, where outputs differ.
        """
        ...

    def close(self) -> None:
        """End the processes it holds."""
        ...


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A batch to measure: configurations (n × knobs); if known, mean and std (n,) of log-latency.

    `stage` says what the batch is for.
    """

    pool: IntArray
    stage: Stage
    predicted_mean: FloatArray | None = None
    predicted_std: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.pool)


class Proposer(Protocol):
    """Chooses what to measure next, for one task.

    Not thread-safe: one layer actor owns it. The same space, seed, observations and proposals that
    nothing is known of yet give the same proposals, in whatever process they were made. It never
    proposes what it has proposed or observed, nor what violates a constraint; it returns fewer than
    `n` (perhaps none) when the space is exhausted.
    """

    def propose(self, n: int) -> Proposal:
        """Up to `n` new configurations."""
        ...

    def reserve(self, pool: IntArray) -> None:
        """Count configurations (n × knobs) as proposed: they were, by one that is gone."""
        ...

    def observe(
        self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
    ) -> None:
        """Learn of measurements.

        Args:
            pool: Configurations (n × knobs).
            cost_s: Latency of each in seconds (n,), NaN where it failed.
            status: How each ended.
            spent_s: Seconds (n,) that building and timing each took, failed ones, too.
        """
        ...
