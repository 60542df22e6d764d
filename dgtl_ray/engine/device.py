"""One device as the driver sees it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import ray
from ray.exceptions import ObjectLostError, RayError, RayTaskError

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.roles import RunResult
from dgtl_ray.engine.health import DeviceHealth, DeviceState, Fault, HealthPolicy
from dgtl_ray.engine.places import Place
from dgtl_ray.measure.own_cpu import OtherProcessorError

_CLOSE_S = 10.0


class DeviceFaultError(Exception):
    """A device failed, through no fault of the candidate that can be proved."""

    def __init__(self, kind: Fault, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(kw_only=True, eq=False)
class Job:
    """A call of a device actor, at most `limit_s` seconds long by its own account."""

    method: str
    args: tuple[Any, ...]
    limit_s: float
    blamed: int = 0
    done: asyncio.Future[RunResult] = field(default_factory=asyncio.Future)

    def finish(self, result: RunResult) -> None:
        """Give the result to who asked, unless nobody waits any more."""
        if not self.done.done():
            self.done.set_result(result)


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """A device at one moment.

    Attributes:
        kind: Of targets that it is a device for: `cpu` or `cuda`.
        processor: Which of the generations that share its name it is, see `DeviceKind`; "" where
            the run did not ask.
        busy_s: The time it spent on trials.
        up_s: The time since it was found.
        faults: How often it failed, by kind.
        error: What its last fault was, "" once it is back.
    """

    name: str
    node_id: str
    kind: str
    state: DeviceState
    is_erratic: bool
    descriptor: DeviceDescriptor | None
    processor: str
    trials: int
    busy_s: float
    up_s: float
    faults: Mapping[str, int]
    error: str

    def as_dict(self) -> dict[str, Any]:
        """Field by field, for JSON."""
        return asdict(self)

    def story(self) -> str:
        """How it failed, for people; "" where it never did."""
        counts = ", ".join(f"{kind} {count}×" for kind, count in self.faults.items())
        return f"device {self.name}, now {self.state}, failed: {counts}" if counts else ""


class Device:
    """A device at a place, and the actor that owns it while it is in use.

    Args:
        place: Where it is.
        spawn: Starts its actor.
        policy: How it is watched.
        processor: The one that its actor times on and no other, "" where it times on any.
    """

    def __init__(
        self,
        place: Place,
        spawn: Callable[[Place], Any],
        policy: HealthPolicy,
        processor: str = "",
    ) -> None:
        self.place = place
        self.health = DeviceHealth(policy)
        self.state = DeviceState.STARTING
        self.fault: DeviceFaultError | None = None
        self._spawn = spawn
        self._policy = policy
        self._processor = processor
        self._actor: Any = None
        self._descriptor: DeviceDescriptor | None = None
        self._trials = 0
        self._busy_s = 0.0
        self._found_at = time.monotonic()

    async def start(self) -> DeviceDescriptor:
        """Start the actor; what the device is.

        Raises:
            DeviceFaultError: It does not start.
            OtherProcessorError: It is of another generation than the run's devices.
        """
        self.state = DeviceState.STARTING
        self._actor = self._spawn(self.place)
        descriptor: DeviceDescriptor = await self._call("describe", (), self._policy.start_s)
        self._descriptor = descriptor
        self.fault = None
        return descriptor

    async def run(self, job: Job, *, ahead: int) -> RunResult:
        """Run a job behind up to `ahead` others.

        Raises:
            DeviceFaultError: The device failed.
            RayError: What the job needs is lost.
        """
        limit_s = (job.limit_s + self._policy.grace_s) * (1 + ahead)
        result: RunResult = await self._call(job.method, job.args, limit_s)
        return result

    def served(self, result: RunResult) -> None:
        """Count a trial."""
        self.health.served()
        self._trials += 1
        self._busy_s += result.timing_s

    def fail(self, fault: DeviceFaultError) -> float:
        """Kill the actor; the seconds of quarantine."""
        self._kill()
        self.fault = fault
        quarantine_s = self.health.fail(fault.kind)
        self.state = DeviceState.QUARANTINED if quarantine_s else DeviceState.STARTING
        return quarantine_s

    def refuse(self) -> None:
        """Never use it."""
        self._kill()
        self.state = DeviceState.REFUSED

    async def close(self) -> None:
        """End the actor and what it holds."""
        if self._actor is not None:
            # One that does not answer is killed next, and what it holds dies with it.
            with suppress(DeviceFaultError):
                await self._call("close", (), _CLOSE_S)
            self._kill()

    def report(self) -> DeviceReport:
        """What it is and did."""
        return DeviceReport(
            name=self.place.name,
            node_id=self.place.node_id,
            kind=self.place.kind,
            state=self.state,
            is_erratic=self.health.is_erratic,
            descriptor=self._descriptor,
            processor=self._processor,
            trials=self._trials,
            busy_s=self._busy_s,
            up_s=time.monotonic() - self._found_at,
            faults={kind.value: count for kind, count in self.health.faults.items()},
            error="" if self.fault is None else str(self.fault),
        )

    def _kill(self) -> None:
        if self._actor is not None:
            ray.kill(self._actor)
            self._actor = None

    async def _call(self, method: str, args: tuple[Any, ...], limit_s: float) -> Any:
        reference = getattr(self._actor, method).remote(*args)
        answer = asyncio.wrap_future(reference.future())
        answer.add_done_callback(_retrieve)
        done, _ = await asyncio.wait({answer}, timeout=limit_s)
        if not done:
            raise DeviceFaultError(Fault.HUNG, f"no answer to {method} within {limit_s:g} s")
        try:
            return answer.result()
        except ObjectLostError:
            raise
        except RayTaskError as error:
            if isinstance(error.cause, OtherProcessorError):
                raise error.cause from error
            cause = error.as_instanceof_cause()
            kind = Fault.ABSENT if isinstance(cause, DeviceError) else Fault.DIED
            raise DeviceFaultError(kind, str(cause)) from error
        except RayError as error:
            raise DeviceFaultError(Fault.DIED, str(error)) from error


def _retrieve(answer: "asyncio.Future[Any]") -> None:
    """Nobody may be waiting any more: an error is then no news."""
    if not answer.cancelled():
        answer.exception()
