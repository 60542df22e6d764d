"""Stand-ins for building and timing: deterministic, immediate, no compiler and no hardware.

They are what an engine is tested with where real candidates are not the point. The library of
`FakeBuilder` is the schedule's text, and `FakeTimer` gives it a cost that depends on that text and
the target alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from zlib import crc32

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.network_run import NetworkInput, NetworkResult, Turns
from dgtl_ray.core.roles import NOTHING, Artifact, BuildInput, BuildResult, RunInput, RunResult

FAKE_DEVICE = DeviceDescriptor(
    name="fake",
    kind="cpu",
    vendor="fake",
    cores=2,
    clock_ghz=1.0,
    peak_gflops=64.0,
    bandwidth_gb_s=10.0,
    shared_memory_bytes=32 << 10,
    cache_bytes=1 << 20,
    vector_lanes=8,
)


def cost_of(schedule: str) -> float:
    """Between 0.1 ms and 10 ms, log-uniform over schedules: the same text has the same cost."""
    position = crc32(b"fake" + schedule.encode()) / 2**32
    return math.exp(math.log(1e-4) + position * math.log(100.0))


def always_ok(_schedule: str) -> Status:
    """No schedule fails."""
    return Status.OK


@dataclass(kw_only=True)
class FakeBuilder:
    """Builds anything at once (the `Builder` role).

    Attributes:
        status_of: How the build of a schedule ends.
        build_s: The time that it reports.
        built: Every item it was given, in order.
        closed: Whether `close` was called.
    """

    status_of: Callable[[str], Status] = always_ok
    build_s: float = 0.1
    built: list[BuildInput] = field(default_factory=list)
    closed: bool = False

    def build(self, item: BuildInput) -> BuildResult:
        """The schedule's text as the library, or the failure that `status_of` wants."""
        self.built.append(item)
        status = self.status_of(item.schedule)
        ok = status is Status.OK
        return BuildResult(
            status=status,
            error="" if ok else f"fake {status.value}",
            artifact=Artifact(library=item.schedule.encode()) if ok else NOTHING,
            build_s=self.build_s,
        )

    def close(self) -> None:
        """Note it."""
        self.closed = True


@dataclass(kw_only=True)
class FakeTimer:
    """Times what `FakeBuilder` built (the `Timer` role).

    Attributes:
        cost_of: Seconds of a schedule.
        status_of: How the run of a schedule ends.
        timing_s: The time that it reports.
        timed: Every schedule it was given, in order.
        network_cost_of: Seconds of a schedule in its network.
        closed: Whether `close` was called.
    """

    cost_of: Callable[[str], float] = cost_of
    status_of: Callable[[str], Status] = always_ok
    timing_s: float = 0.05
    timed: list[str] = field(default_factory=list)
    closed: bool = False
    network_cost_of: Callable[[str], float] = cost_of

    def describe(self, target: str) -> DeviceDescriptor:  # noqa: ARG002 - the role's signature
        """A small CPU, whatever the target."""
        return FAKE_DEVICE

    def time(self, item: RunInput) -> RunResult:
        """The schedule's cost: one repeat where the timer gives up, else all, without noise."""
        schedule = item.artifact.library.decode()
        self.timed.append(schedule)
        cost_s = self.cost_of(schedule)
        give_up = item.best_s is not None and cost_s > item.evaluator.give_up_factor * item.best_s
        return self._result(schedule, (cost_s,) * (1 if give_up else item.evaluator.repeat))

    def time_network(self, item: NetworkInput) -> NetworkResult:
        """The cost in the network of every alternative of each layer."""
        turns = tuple(
            tuple(self._turns(one.library.decode(), item.passes) for one in artifacts)
            for artifacts in item.alternatives
        )
        return NetworkResult(
            status=Status.OK, error="", repeats_s=(), timing_s=self.timing_s, turns=turns
        )

    def verify(
        self,
        artifact: Artifact,
        reference: Artifact,  # noqa: ARG002 - the role's signature
        target: str,  # noqa: ARG002
    ) -> RunResult:
        """What `status_of` wants of the candidate."""
        return self._result(artifact.library.decode(), ())

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def _turns(self, schedule: str, passes: int) -> Turns:
        status = self.status_of(schedule)
        if status is Status.OK:
            return Turns(seconds=(self.network_cost_of(schedule),) * passes)
        return Turns(error=f"fake {status.value}")

    def _result(self, schedule: str, repeats_s: tuple[float, ...]) -> RunResult:
        status = self.status_of(schedule)
        ok = status is Status.OK
        return RunResult(
            status=status,
            error="" if ok else f"fake {status.value}",
            repeats_s=repeats_s if ok else (),
            timing_s=self.timing_s,
        )
