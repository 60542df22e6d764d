"""The devices of a run: found, given jobs, and replaced by others where they fail."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.roles import RunResult
from dgtl_ray.engine.care import Caretaker, Shared
from dgtl_ray.engine.device import Device, DeviceFaultError, DeviceReport, Job
from dgtl_ray.engine.health import DeviceState, HealthPolicy
from dgtl_ray.engine.places import Place

T = TypeVar("T")


class DevicePool:
    """All devices of one kind in a cluster. Lives in one event loop.

    Args:
        make: A device at a place, its actor not yet started.
        tell: Given what each device is and did, now and again.
    """

    def __init__(
        self,
        shared: Shared,
        make: Callable[[Place], Device],
        policy: HealthPolicy,
        tell: Callable[[tuple[DeviceReport, ...]], None],
    ) -> None:
        self._shared = shared
        self._tell = tell
        self._make = make
        self._policy = policy
        self._keys: set[tuple[str, int]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: asyncio.Future[None] = asyncio.Future()

    @property
    def ready(self) -> int:
        """Devices that take trials now."""
        return sum(device.state is DeviceState.READY for device in self._shared.devices)

    @property
    def shares_cores(self) -> bool:
        """Whether candidates are built on the cores that time."""
        return self._shared.cores

    def reports(self) -> tuple[DeviceReport, ...]:
        """What each device is and did."""
        return tuple(device.report() for device in self._shared.devices)

    async def open(self) -> DeviceDescriptor:
        """Find the devices, and wait for the first that is ready; what it is.

        Raises:
            DeviceError: None can be used.
        """
        self._look()
        self._begin(self._watch())
        return await self._unless_failed(self._shared.kind)

    def set_reference(self, method: str, args: tuple[Any, ...], limit_s: float) -> None:
        """The kernel that tells a sound device from a sick one."""
        self._shared.reference = Job(method=method, args=args, limit_s=limit_s)

    async def submit(self, method: str, args: tuple[Any, ...], limit_s: float) -> RunResult:
        """Run a job on whichever device is free, again on another where one fails.

        Raises:
            DeviceError: No device has been usable for too long.
        """
        job = Job(method=method, args=args, limit_s=limit_s)
        self._shared.jobs.put_nowait(job)
        return await self._unless_failed(job.done)

    async def close(self) -> None:
        """End the actors and what they hold."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(device.close() for device in self._shared.devices))

    def _look(self) -> None:
        """Take on devices that are new in the cluster."""
        for place in self._shared.find():
            key = (place.node_id, place.index)
            if key not in self._keys:
                self._keys.add(key)
                device = self._make(place)
                self._shared.devices.append(device)
                self._begin(Caretaker(device, self._shared).run())

    async def _watch(self) -> None:
        """Look for new devices; end the run where none has been usable for too long."""
        usable_at = time.monotonic()
        while True:
            await asyncio.sleep(self._policy.find_every_s)
            self._look()
            self._tell(self.reports())
            if self.ready:
                usable_at = time.monotonic()
            elif time.monotonic() - usable_at > self._policy.patience_s:
                raise DeviceError(self._why_none())

    def _why_none(self) -> str:
        faults = "; ".join(f"{d.place.name}: {d.fault}" for d in self._shared.devices)
        return (
            f"no device could be used for {self._policy.patience_s:g} s ({faults}). What was "
            "measured is in the history: resume the run once a device is back"
        )

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_end)
        self._tasks.append(task)

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        """What ends with an error must not leave the run waiting."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failure.done():
            known = isinstance(error, DeviceFaultError)
            self._failure.set_exception(DeviceError(str(error)) if known else error)

    async def _unless_failed(self, wanted: "asyncio.Future[T]") -> T:
        either: set[asyncio.Future[Any]] = {wanted, self._failure}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            self._failure.result()
        return wanted.result()
