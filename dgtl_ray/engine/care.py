"""Taking care of one device: jobs as long as it is sound, a restart or quarantine when it fails."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ray.exceptions import RayError

from dgtl_ray.core.device import ANY_KIND, DeviceDescriptor, DeviceKind
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import RunResult
from dgtl_ray.engine.device import Device, DeviceFaultError, Job
from dgtl_ray.engine.health import DeviceState, Fault
from dgtl_ray.engine.places import Place
from dgtl_ray.engine.workers import lost_run
from dgtl_ray.measure.own_cpu import OtherProcessorError

# A candidate that was on a device at this many of its faults is taken to be their cause.
_MOST_BLAMED = 3
# How a run ends that may be the device's fault as well as the candidate's.
_SUSPECT = frozenset({Status.RUN_ERROR, Status.RUN_TIMEOUT})


@dataclass(kw_only=True)
class Shared:
    """What the devices of a pool have in common.

    Attributes:
        find: The places where devices are now.
        depth: Trials that a device is given at a time, all but one of them waiting their turn.
        note: Tells the user of a fault.
        cores: Whether candidates are built on the cores that time.
        wanted: The kind of device that is to be used; without a key that of the first to start. Its
            processor is seen to where the device is: nobody else can tell.
        jobs: What is to be done next by whichever device is free.
        kind: What the devices in use are, once there is one.
        reference: The kernel that tells a sound device from a sick one.
        reference_runs: Whether any device has run it: one that none has run tells nothing.
    """

    find: Callable[[], Sequence[Place]]
    depth: int
    note: Callable[[str], None]
    cores: bool
    wanted: DeviceKind = ANY_KIND
    devices: list[Device] = field(default_factory=list)
    jobs: asyncio.Queue[Job] = field(default_factory=asyncio.Queue)
    kind: asyncio.Future[DeviceDescriptor] = field(default_factory=asyncio.Future)
    reference: Job | None = None
    reference_runs: bool = False


class Caretaker:
    """Serves the jobs of a pool with one device."""

    def __init__(self, device: Device, shared: Shared) -> None:
        self._device = device
        self._shared = shared
        self._is_in_doubt = False

    async def run(self) -> None:
        """Start the device and serve with it, through faults, as long as its node is there.

        Raises:
            DeviceFaultError: Neither this device nor another could ever be used: there is none.
            DeviceError: As before: none is of the kind that is wanted.
        """
        while self._device.state not in {DeviceState.LOST, DeviceState.REFUSED}:
            try:
                await self._start()
                await self._serve()
            except DeviceFaultError as fault:
                await self._after(fault)

    async def _start(self) -> None:
        device, kind = self._device, self._shared.kind
        try:
            descriptor = await device.start()
        except OtherProcessorError as error:
            self._leave_out(str(error))
            return
        wanted = kind.result().key if kind.done() else self._shared.wanted.key
        if wanted in {"", descriptor.key}:
            if not kind.done():
                kind.set_result(descriptor)
            await self._check()
            device.state = DeviceState.READY
            return
        self._leave_out(f"it is {descriptor.key}, this run tunes for {wanted}")

    def _leave_out(self, reason: str) -> None:
        """Never use the device.

        Raises:
            DeviceError: There has been none to use, and there never will be.
        """
        device = self._device
        device.refuse()
        self._shared.note(f"device {device.place.name} is left out: {reason}")
        if self._is_hopeless():
            raise DeviceError(f"no device is left to time on: of {device.place.name}, {reason}")

    async def _serve(self) -> None:
        """Take jobs until the device fails."""
        if self._device.state is not DeviceState.READY:
            return
        lanes = [asyncio.create_task(self._lane()) for _ in range(self._shared.depth)]
        try:
            done, _ = await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        done.pop().result()

    async def _lane(self) -> None:
        jobs = self._shared.jobs
        while True:
            if self._shared.reference and self._device.health.is_check_due(time.monotonic()):
                await self._check()
            job = await jobs.get()
            try:
                result = await self._time(job)
            except DeviceFaultError as fault:
                self._blame(job, fault)
                raise
            except asyncio.CancelledError:
                jobs.put_nowait(job)
                raise
            except RayError as error:
                result = lost_run(error)
            job.finish(result)

    async def _time(self, job: Job) -> RunResult:
        result = await self._device.run(job, ahead=self._shared.depth - 1)
        if result.status in _SUSPECT:
            # Only a device that runs the reference can put a failure down to the candidate.
            await self._check()
        self._device.served(result)
        return result

    async def _check(self) -> None:
        """Time the reference kernel, where there is one.

        One that no device has run yet may itself be what fails: it is left until another runs it.

        Raises:
            DeviceFaultError: It does not run, or its latency has drifted and others can take over.
        """
        device, shared, reference = self._device, self._shared, self._shared.reference
        if reference is None or (self._is_in_doubt and not shared.reference_runs):
            return
        result = await device.run(reference, ahead=shared.depth - 1)
        if result.status is not Status.OK:
            if not shared.reference_runs:
                self._doubt(result.error or result.status.value)
                return
            raise DeviceFaultError(Fault.SICK, f"the reference kernel fails: {result.error}")
        shared.reference_runs = True
        self._judge(result)

    def _doubt(self, reason: str) -> None:
        """Leave the reference kernel until another device has run it."""
        if not self._is_in_doubt:
            self._is_in_doubt = True
            self._shared.note(
                f"the reference kernel, which none has run yet, fails on "
                f"{self._device.place.name}: {reason}"
            )

    def _judge(self, result: RunResult) -> None:
        """Compare the reference kernel with its first timing here.

        Raises:
            DeviceFaultError: Its latency has drifted, and others can take over.
        """
        device = self._device
        was_erratic = device.health.is_erratic
        drift = device.health.judge(min(result.repeats_s))
        if not device.health.is_erratic:
            return
        text = f"the reference kernel's latency changed by {drift:+.0%}"
        if self._others_are_ready():
            raise DeviceFaultError(Fault.ERRATIC, text)
        if not was_erratic:
            device.health.faults[Fault.ERRATIC] += 1
            self._shared.note(f"device {device.place.name} times erratically: {text}")

    def _is_hopeless(self) -> bool:
        """Whether there has been no device to use, and none of those known will ever be one."""
        return not self._shared.kind.done() and all(map(_is_out, self._shared.devices))

    def _others_are_ready(self) -> bool:
        others = (device for device in self._shared.devices if device is not self._device)
        return any(device.state is DeviceState.READY for device in others)

    def _blame(self, job: Job, fault: DeviceFaultError) -> None:
        job.blamed += 1
        if job.blamed < _MOST_BLAMED:
            self._shared.jobs.put_nowait(job)
        else:
            job.finish(lost_run(fault))

    async def _after(self, fault: DeviceFaultError) -> None:
        """End the actor; come back at once, after quarantine, or never."""
        device = self._device
        quarantine_s = device.fail(fault)
        if self._is_hopeless():
            raise fault
        if all(place.node_id != device.place.node_id for place in self._shared.find()):
            device.state = DeviceState.LOST
            self._shared.note(f"device {device.place.name} is lost with its node")
            return
        what = f"is quarantined for {quarantine_s:g} s" if quarantine_s else "is restarted"
        self._shared.note(f"device {device.place.name} {what}: {fault.kind}, {fault}")
        await asyncio.sleep(quarantine_s)


def _is_out(device: Device) -> bool:
    if device.state is DeviceState.REFUSED:
        return True
    return device.fault is not None and device.fault.kind is Fault.ABSENT
