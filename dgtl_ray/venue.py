"""Where a run happens: on this machine alone, or on a cluster whose devices may be elsewhere."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.engine.preflight import check_nodes
from dgtl_ray.engine.remote import device_is_here, on_device
from dgtl_ray.engine.session import ray_session
from dgtl_ray.finishing import Finished, Plan, finish, finish_from_plan
from dgtl_ray.measure import describe_device
from dgtl_ray.model import Network, TargetSpec, parse_target

T = TypeVar("T")

LOCAL = "local"
# Targets that are named after a kind of device, and mean the one that there is.
_OF_A_DEVICE = ("cpu", "cuda")
_ANSWER_S = 120.0
_FINISH_S = 3600.0


class Venue:
    """A Ray cluster by its address; `local` is this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._is_local = address == LOCAL

    def open(self) -> AbstractContextManager[None]:
        """A connection to the cluster for the whole run; a local one lives as long as the search.

        Raises:
            InputError: No cluster answers.
        """
        return nullcontext() if self._is_local else ray_session(self._address)

    def check(self, uris: Sequence[str]) -> None:
        """Check, before anything is spent, that all nodes fit together and can write `uris`.

        Raises:
            InputError: They do not; the message names all that is amiss.
        """
        if not self._is_local:
            check_nodes(uris)

    def target(self, name: str) -> TargetSpec:
        """The target that a user named; `cpu` and `cuda` are those of the venue's devices.

        Raises:
            InputError: No such target, or no such device.
        """
        if name not in _OF_A_DEVICE:
            return parse_target(name)
        return self._at_device(name, parse_target, name)

    def describe(self, target: TargetSpec) -> DeviceDescriptor:
        """The device that the target is for.

        Raises:
            DeviceError: There is none.
        """
        return self._at_device(target.kind, describe_device, target.json)

    def finish(self, plan: Plan, network: Network, folder: Path) -> Finished:
        """Compile, verify and compare where the device is; the module is in `folder` then.

        Raises:
            InputError: The folder cannot be written.
            DeviceError: The module cannot run there.
        """
        kind = plan.target.kind
        if self._has_device(kind):
            return finish(plan, network, folder)
        finished, files = on_device(kind, _FINISH_S, finish_from_plan, plan)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return finished

    def _has_device(self, kind: str) -> bool:
        return self._is_local or device_is_here(kind)

    def _at_device(self, kind: str, function: Callable[[str], T], argument: str) -> T:
        if self._has_device(kind):
            return function(argument)
        return on_device(kind, _ANSWER_S, function, argument)
