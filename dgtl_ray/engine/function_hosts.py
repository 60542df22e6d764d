"""What the processes that call a function run on: devices of one kind."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from dgtl_ray.core.device import DeviceAnswer, DeviceDescriptor, DeviceKind, prevalent
from dgtl_ray.core.errors import DeviceError, DgtlError, InputError
from dgtl_ray.engine.places import address_of
from dgtl_ray.engine.room import nodes_for

# A label that every node of Ray's has.
_NODE_ID = "ray.io/node-id"
# How often a process is begun on a node of several kinds of device, to be given the right one.
_MOST_REFUSED = 5


@dataclass(frozen=True, kw_only=True)
class Host(DeviceAnswer):
    """What a process runs on, by Ray's name of its node."""

    node_id: str


def host_here(describe: Callable[[], DeviceDescriptor]) -> Host:
    """What this process, one of Ray's, runs on.

    Args:
        describe: Tells its device.
    """
    node_id = ray.get_runtime_context().get_node_id()
    try:
        descriptor = describe()
    except DgtlError as error:
        return Host(node_id=node_id, descriptor=None, error=str(error))
    # Of a node's processes but one is asked: the others need not import what measures.
    from dgtl_ray.measure.host import host_processor

    # GPUs of one name are of one generation.
    processor = host_processor() if descriptor.kind == "cpu" else ""
    return Host(node_id=node_id, descriptor=descriptor, processor=processor)


class Hosts:
    """Sees to it that all processes of a search run on one kind of device.

    Lives in one event loop.

    Args:
        resources: What a process reserves.
        begun_on: Key of the kind of device that the run has measured on, "" where it has not.
        note: Tells the user which nodes are left out.
    """

    def __init__(
        self, resources: Mapping[str, float], begun_on: str, note: Callable[[str], None]
    ) -> None:
        # Why a process was refused, the last time that one was.
        self.refusal: DgtlError = DeviceError("no process has begun")
        self._resources = resources
        self._begun_on = begun_on
        self._note = note
        self._kind: DeviceKind | None = None
        self._cpus: dict[str, Host] = {}
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Nodes of devices that are used, and nodes that have none.
        self._used: set[str] = set()
        self._left_out: set[str] = set()

    @property
    def left_out(self) -> Collection[str]:
        """Ray's names of nodes that no process is begun on."""
        return self._left_out

    def may_be_elsewhere(self, refused: int) -> bool:
        """Whether it is worth while to begin a process again that was refused so many times."""
        # A node with devices of several kinds is not left out, and may give another one.
        most = nodes_for(self._resources) + _MOST_REFUSED
        return refused < most and self._is_any_left()

    def options(self) -> dict[str, Any]:
        """Options of a process's actor, beside what it reserves."""
        if not self._left_out:
            return {}
        return {"label_selector": {_NODE_ID: f"!in({','.join(sorted(self._left_out))})"}}

    async def look(self, node_id: str, ask: Callable[[], Awaitable[Host]]) -> Host:
        """What a process on a node runs on, which `ask` asks it.

        A node's cores are looked at once: how fast its memory is takes a moment of all of them.
        """
        async with self._looking[node_id]:
            if node_id in self._cpus:
                return self._cpus[node_id]
            host = await ask()
            if host.descriptor is not None and host.descriptor.kind == "cpu":
                self._cpus[node_id] = host
            return host

    def settle(self, hosts: Sequence[Host]) -> DeviceDescriptor:
        """Admit but one kind of device from now on, that of most of some hosts; what it is.

        Args:
            hosts: One or more, all of them admitted before.
        """
        self._kind = prevalent(host.kind for host in hosts)
        chosen = [host for host in hosts if host.kind == self._kind]
        self._used = {host.node_id for host in chosen}
        return next(host.descriptor for host in chosen if host.descriptor is not None)

    def admits(self, host: Host) -> bool:
        """Whether a process may call the function there; where none may, the node is left out."""
        why = self._why_not(host)
        if why is None:
            self._used.add(host.node_id)
            return True
        self.refusal = why
        # Another of its GPUs may be used already.
        if host.node_id not in self._used | self._left_out:
            self._left_out.add(host.node_id)
            if self._is_any_left():
                self._note(f"node {address_of(host.node_id)} is left out: {why}")
        return False

    def _is_any_left(self) -> bool:
        """Whether a process fits into a node that is not left out."""
        return nodes_for(self._resources, self._left_out) > 0

    def _why_not(self, host: Host) -> DgtlError | None:
        if host.descriptor is None:
            return DeviceError(host.error)
        begun, key = self._begun_on, host.kind.key
        if begun not in {"", key}:
            return InputError(
                f"the run was begun on {begun}, this is {key}: a run goes on with the kind of "
                "device that it began with. For another, begin a new run, with its history as one "
                "to learn from"
            )
        if self._kind not in {None, host.kind}:
            return DeviceError(f"it is {host.kind}, this run is for {self._kind}")
        return None
