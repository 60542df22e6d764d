"""Where a run happens: on this machine alone, or on a cluster whose devices may be elsewhere."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from dgtl_ray.core.device import DeviceDescriptor, processor_of
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.deploy import save_files
from dgtl_ray.engine.preflight import check_nodes
from dgtl_ray.engine.remote import at_place
from dgtl_ray.engine.roll_call import Presence, choose_device
from dgtl_ray.engine.session import import_once, ray_session
from dgtl_ray.measure import describe_device
from dgtl_ray.model import Network, TargetSpec, parse_target
from dgtl_ray.run.finishing import (
    Finished,
    Plan,
    finish,
    finish_from_plan,
    is_factory,
    packed,
    require_factory_here,
)

A = TypeVar("A")
T = TypeVar("T")

LOCAL = "local"
# Targets that are named after a kind of device, and mean the one that there is.
_OF_A_DEVICE = ("cpu", "cuda")
_ANSWER_S = 120.0
_FINISH_S = 3600.0


class Venue:
    """A Ray cluster by its address; `local` is this machine.

    Args:
        note: Told of devices that do not answer.
    """

    def __init__(self, address: str, note: Callable[[str], None]) -> None:
        self._address = address
        self._note = note
        self._is_local = address == LOCAL
        self._chosen: Presence | None = None
        self._first_gpu = ""

    def open(self) -> AbstractContextManager[None]:
        """A connection to the cluster for the whole run; a local one lives as long as the search.

        Raises:
            InputError: No cluster answers.
        """
        return nullcontext() if self._is_local else ray_session(self._address)

    def warm_up(self, target: TargetSpec) -> None:
        """Begin what the processes of a search on this machine have in common."""
        if self._is_local and target.kind != "cuda":  # whose processes may each see other devices
            import_once()

    def check(self, uris: Sequence[str]) -> None:
        """Check, before anything is spent, that all nodes fit together and can write `uris`.

        Raises:
            InputError: They do not; the message names all that is amiss.
        """
        if not self._is_local:
            check_nodes(uris)

    def target(self, name: str, device: str = "", processor: str = "") -> TargetSpec:
        """The target that a user named; `cpu` and `cuda` are those of the venue's devices.

        On a cluster every device is asked what it is.

        Args:
            name: `cpu`, `cuda`, or a TVM target as JSON.
            device: Key, or words of the name, of the kind of device to use; "" for any.
            processor: The one that a cluster's device must have, "" for any: generations may share
                a name. A target as JSON prefers devices of the processor that it names.

        Raises:
            InputError: No such target.
            DeviceError: No such device, or not one that the target is for.
        """
        named = None if name in _OF_A_DEVICE else parse_target(name)
        if not self._is_local:
            self._chosen = choose_device(
                named.kind if named else name,
                device,
                self._note,
                processor,
                preferred=processor_of(named.json) if named else "",
            )
        target = named or self._at_device(_ANSWER_S, parse_target, name)
        # This machine's GPUs may differ, and what is compiled is verified on the first.
        is_first_gpu = self._is_local and target.kind == "cuda"
        if named or device or is_first_gpu:
            found = self._at_device(_ANSWER_S, describe_device, target.json)
            if not found.is_called(device):
                raise DeviceError(
                    f"the device here is {found.key}, wanted is {device}: a run goes on with the"
                    " kind of device that it began with; for another, begin one with its --history"
                )
            self._first_gpu = found.key if is_first_gpu else ""
        return target

    @property
    def device_key(self) -> str:
        """Of the kind of device that was chosen on a cluster, or of this machine's first GPU.

        "" where there is no choice.
        """
        return self._chosen.kind.key if self._chosen else self._first_gpu

    @property
    def processor(self) -> str:
        """Of the device that was chosen on a cluster; "" where there is no choice."""
        return self._chosen.processor if self._chosen else ""

    def require_network(self, spec: Any) -> None:
        """Check, before anything is spent, that the device's node can import a factory's module.

        Args:
            spec: The network as the user named it; all but `package.module:factory` travels.

        Raises:
            InputError: It cannot.
            DeviceError: The device was lost.
        """
        if self._is_elsewhere and is_factory(spec):
            self._at_device(_ANSWER_S, require_factory_here, str(spec))

    def describe(self, target: TargetSpec) -> DeviceDescriptor:
        """The device that the target is for.

        Raises:
            DeviceError: There is none.
        """
        return self._at_device(_ANSWER_S, describe_device, target.json)

    def finish(self, plan: Plan, network: Network, folder: Path) -> Finished:
        """Compile, verify and compare where the device is; the module is in `folder` then.

        Raises:
            InputError: The folder cannot be written.
            DeviceError: The module cannot run there.
        """
        if not self._is_elsewhere:
            return finish(plan, network, folder)
        # The one that was chosen may have left meanwhile.
        self._chosen = choose_device(plan.target.kind, self.device_key, self._note, self.processor)
        finished, files = self._at_device(_FINISH_S, finish_from_plan, packed(plan))
        save_files(files, folder)
        return finished

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the device must be asked for; what nobody need reserve is this node's own."""
        return self._chosen is not None and bool(self._chosen.place.resources)

    def _at_device(self, timeout_s: float, function: Callable[[A], T], argument: A) -> T:
        if self._chosen is None or not self._is_elsewhere:
            return function(argument)
        return at_place(self._chosen.place, timeout_s, function, argument)
