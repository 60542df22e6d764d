"""The processes of one search that call a function: as many as there is room for."""

import asyncio
from collections.abc import Callable, Mapping

import ray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.function_workers import FunctionWorker, WorkerSetup, ray_names

# How long a cluster's nodes are waited for where none has room: rented ones need minutes to come.
_JOIN_S = 600.0
# How long a process may take to begin before the user is told what that may mean.
_SLOW_S = 30.0
_NO_PROCESS = "no process has begun yet: others may hold what a call reserves; waiting for it"
# Ray counts in ten-thousandths of a resource.
_PARTS = 10_000


class FunctionCrew:
    """The workers of one search. Lives in one event loop.

    Args:
        setup: What each of them is made of.
        can_grow: Whether nodes may join: then workers wait for room that there is not yet.
        note: Tells the user what happens.
    """

    def __init__(self, setup: WorkerSetup, *, can_grow: bool, note: Callable[[str], None]) -> None:
        self._setup = setup
        self._can_grow = can_grow
        self._note = note
        self.workers = [FunctionWorker(setup)]

    @property
    def at_once(self) -> int:
        """Calls that run at once: workers, as far as there is room for them now."""
        count, room = len(self.workers), room_for(self._setup.resources)
        return count if room is None else min(count, room)

    async def describe(self, describe: Callable[[], DeviceDescriptor]) -> DeviceDescriptor:
        """What the first worker runs on.

        Raises:
            InputError: No node has room for it, or it cannot load the function.
            DgtlError: What `describe` raised.
        """
        patience_s = self._patience_s()
        note = asyncio.get_running_loop().call_later(_SLOW_S, self._note, _NO_PROCESS)
        try:
            return await asyncio.wait_for(self.workers[0].describe(describe), patience_s)
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
        self.workers += [FunctionWorker(self._setup) for _ in range(count - len(self.workers))]

    def end(self) -> None:
        """End their processes."""
        for worker in self.workers:
            worker.end()

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


def room_for(resources: Mapping[str, float]) -> int | None:
    """Calls that fit into the nodes of the cluster at once, None where they reserve nothing."""
    wanted = _reserved(resources)
    return sum(_fits(wanted, there) for there in _nodes()) if wanted else None


def no_room_for(resources: Mapping[str, float]) -> str:
    """That a call fits into no node, and what the nodes have of what it reserves."""
    wanted = _reserved(resources)
    nodes = {_amounts({name: there.get(name, 0.0) for name in wanted}) for there in _nodes()}
    return (
        f"a call reserves {_amounts(wanted)}, and no node has that: there are nodes with "
        f"{'; '.join(sorted(nodes))}. Let it reserve less, with resources_per_trial"
    )


def _reserved(resources: Mapping[str, float]) -> dict[str, float]:
    return {name: amount for name, amount in ray_names(resources).items() if amount > 0}


def _nodes() -> list[Mapping[str, float]]:
    """All that each node has, whoever uses it."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _fits(wanted: Mapping[str, float], there: Mapping[str, float]) -> int:
    """Calls that fit into one node."""
    return min(
        round(there.get(name, 0.0) * _PARTS) // max(1, round(amount * _PARTS))
        for name, amount in wanted.items()
    )


def _amounts(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())
