"""The processes of one search that call a function: as many as there is room for."""

import asyncio
from collections.abc import Callable

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.function_hosts import Hosts
from dgtl_ray.engine.function_workers import FunctionWorker, WorkerSetup
from dgtl_ray.engine.room import no_room_for, nodes_for, room_for

# How long a cluster's nodes are waited for where none has room: rented ones need minutes to come.
_JOIN_S = 600.0
# How long a process may take to begin before the user is told what that may mean.
_SLOW_S = 30.0
_NO_PROCESS = "no process has begun yet: others may hold what a call reserves; waiting for it"
# How long processes may take to begin that there is room for, where nodes may differ.
_GATHER_S = 10.0


class FunctionCrew:
    """The workers of one search. Lives in one event loop.

    Args:
        setup: What each of them is made of.
        begun_on: Key of the kind of device that the run has measured on, "" where it has not.
        can_grow: Whether nodes may join: then workers wait for room that there is not yet.
        note: Tells the user what happens.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        *,
        begun_on: str,
        can_grow: bool,
        note: Callable[[str], None],
    ) -> None:
        self._setup = setup
        self._can_grow = can_grow
        self._note = note
        self._hosts = Hosts(setup.resources, begun_on, note)
        self.workers = [FunctionWorker(setup, self._hosts)]

    @property
    def at_once(self) -> int:
        """Calls that run at once: workers, as far as there is room for them now."""
        room = room_for(self._setup.resources, self._hosts.left_out)
        count = len(self.workers)
        return count if room is None else min(count, room)

    async def open(self) -> None:
        """Wait until the first worker is there.

        Raises:
            InputError: No node has room for it, it cannot load the function, or the run was begun
                on another kind of device.
            DeviceError: No node can tell what device it has.
        """
        patience_s = self._patience_s()
        note = asyncio.get_running_loop().call_later(_SLOW_S, self._note, _NO_PROCESS)
        try:
            await asyncio.wait_for(self.workers[0].begin(), patience_s)
        except TimeoutError as error:
            raise InputError(no_room_for(self._setup.resources)) from error
        finally:
            note.cancel()

    def hire(self, wanted: int | None, most: int | None) -> None:
        """Take on the other workers.

        Args:
            wanted: How many there are to be in all; None for as many as there is room for.
            most: How many of them there would be work for; None for any number.
        """
        room = room_for(self._setup.resources)
        count = wanted or room or 1
        if most is not None:
            count = max(1, min(count, most))
        if room is not None and count > room:
            told = f"{count} calls at once are wanted, and there is room for {room}"
            self._note(f"{told}: the others wait for nodes to join" if self._can_grow else told)
            count = count if self._can_grow else max(1, room)
        others = range(count - len(self.workers))
        self.workers += [FunctionWorker(self._setup, self._hosts) for _ in others]

    async def settle(self) -> DeviceDescriptor:
        """Let all workers be on one kind of device, that of most of them; what it is.

        Those on another begin again elsewhere when they are next asked for their process.
        """
        if nodes_for(self._setup.resources) > 1:
            await self._gather()
        return self._hosts.settle([w.host for w in self.workers if w.host is not None])

    def end(self) -> None:
        """End their processes."""
        for worker in self.workers:
            worker.end()

    async def _gather(self) -> None:
        """Wait a moment for the processes that there is room for."""
        fitting = self.workers[: max(1, self.at_once)]
        begun = [asyncio.create_task(worker.ready()) for worker in fitting]
        _, late = await asyncio.wait(begun, timeout=_GATHER_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)

    def _patience_s(self) -> float | None:
        """How long room may be waited for; None for ever, where others only have to leave it.

        Raises:
            InputError: There is none, and there never will be.
        """
        if room_for(self._setup.resources) != 0:
            return None
        told = no_room_for(self._setup.resources)
        if not self._can_grow:
            raise InputError(told)
        self._note(f"{told}. Waiting for one to join, {_JOIN_S:g} s at most")
        return _JOIN_S
