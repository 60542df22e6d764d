"""From winning schedules to a module that is compiled, verified and compared."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, TypeVar

from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.core.inside import Inside
from dgtl_ray.core.precision import OWN
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.deploy import (
    ModuleMetadata,
    Verification,
    compile_network,
    load_unverified,
    look_inside,
    note_fault,
    save_module,
    verify,
)
from dgtl_ray.deploy.metadata import NOT_VERIFIED
from dgtl_ray.model import Network, TargetSpec, keys_of_functions, load_network
from dgtl_ray.model.specs import SpecKind, classify
from dgtl_ray.run.comparison import NO_COMPARISON, Comparison, compare_network

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to finish.

    Attributes:
        spec: The network as the user named it, with `example_inputs` where it is a torch module.
        schedules: Schedule text by workload key.
        compare: Whether it is timed beside other runtimes.
        shapes: Of an ONNX file's inputs.
        way: By which of its ways the network came in, see `load_network`.
        precision: `own`, or what it is to be computed in.
        files: What the spec names, by name, for a machine that does not have it; the first is it.
    """

    spec: Any
    example_inputs: Sequence[Any] | None
    target: TargetSpec
    schedules: Mapping[str, str]
    metadata: ModuleMetadata
    compare: bool
    shapes: Shapes = AS_IN_FILE
    way: int = 0
    precision: str = OWN
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What became of it.

    Attributes:
        inside: Where the network's time goes, None on a GPU.
        layers_s: Seconds of a call there, by workload key.
        notes: What could not be told of it, and why.
    """

    verification: Verification
    comparison: Comparison
    inside: Inside | None
    layers_s: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def fault_notes(self) -> list[str]:
        """What failed: verification, and where the module is kept then; what describes it."""
        fault = self.verification.fault()
        kept = f"no module: {fault}; what was compiled is in the run's rejected/"
        return [*([kept] if fault else []), *self.notes]


def finish(plan: Plan, network: Network, folder: Path) -> Finished:
    """Compile, save to `folder`, verify and compare on this machine, which has the device.

    Nobody can load what is in `folder` before its answers were found right, nor if they were not.

    Raises:
        InputError: The folder cannot be written.
        DeviceError: The module cannot run here.
    """
    compiled = compile_network(network, plan.schedules, plan.target)
    save_module(compiled, folder, replace(plan.metadata, fault=NOT_VERIFIED))
    verification = verify(load_unverified(folder), network)
    note_fault(folder, verification.fault())
    if not verification.ok:
        return _nothing_but(verification)
    notes: list[str] = []
    comparison = NO_COMPARISON
    if plan.compare:
        compare = partial(
            compare_network, plan.spec, network, plan.target, folder, plan.metadata, plan.shapes
        )
        comparison = _told("nothing was timed in turn", compare, NO_COMPARISON, notes)
    inside: Inside | None = None
    # On a GPU the clock of the host tells nothing of a call.
    if plan.target.kind == "cpu":
        look = partial(look_inside, folder)
        inside = _told("where the network's time goes is not known", look, None, notes)
    return Finished(
        verification=verification,
        comparison=comparison,
        inside=inside,
        layers_s=_by_key(inside, network) if inside else {},
        notes=tuple(notes),
    )


def _told(what: str, ask: Callable[[], T], otherwise: T, notes: list[str]) -> T:
    """What only describes a module: where it cannot be had the module is as good, and a note says.

    `what` is the note's beginning.
    """
    try:
        return ask()
    except (DgtlError, OSError) as error:
        notes.append(f"{what}: {error}")
        return otherwise


def _nothing_but(verification: Verification) -> Finished:
    """What becomes of a module that gives wrong answers: how fast it does so is no matter."""
    return Finished(verification=verification, comparison=NO_COMPARISON, inside=None, layers_s={})


def _by_key(inside: Inside, network: Network) -> dict[str, float]:
    """Mean seconds of a call of each layer task, by workload key."""
    keys = keys_of_functions(network.module)
    of_key: dict[str, list[float]] = defaultdict(list)
    for name, seconds in inside.calls:
        if name in keys:
            of_key[keys[name]].append(seconds)
    return {key: mean(seconds) for key, seconds in of_key.items()}


def finish_from_plan(plan: Plan) -> tuple[Finished, dict[str, bytes]]:
    """As `finish`, for a machine that has nothing but the plan; the module's files by name.

    Raises:
        InputError: The network cannot be loaded here, or this machine's disk is full.
        DeviceError: The module cannot run here.
    """
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        plan = _unpacked(plan, Path(scratch) / "network")
        network = load_network(
            plan.spec,
            plan.target,
            example_inputs=plan.example_inputs,
            shapes=plan.shapes,
            way=plan.way,
            precision=plan.precision,
        )
        folder = Path(scratch) / "module"
        finished = finish(plan, network, folder)
        return finished, {path.name: path.read_bytes() for path in folder.iterdir()}


def is_factory(spec: Any) -> bool:
    """Whether a network is named as `package.module:factory`."""
    return isinstance(spec, str) and classify(spec) is SpecKind.FACTORY


def require_factory_here(spec: str) -> None:
    """Check that this process, on a node that has a device, can import `package.module:factory`.

    Raises:
        InputError: It cannot.
    """
    from dgtl_ray.model.factory import require_factory

    try:
        require_factory(spec)
    except InputError as error:
        raise InputError(
            f"{error}. The tuned network is compiled and verified where its device is: bring the"
            " module to the cluster's nodes with `ray job submit --working-dir DIR`, install it"
            " there, or start Ray there with its folder in PYTHONPATH"
        ) from error


def packed(plan: Plan) -> Plan:
    """The plan with the files of its network, where it is one in files."""
    if not isinstance(plan.spec, str | Path) or classify(str(plan.spec)) is not SpecKind.ONNX:
        return plan
    from dgtl_ray.model.onnx_files import all_files

    files = {name: file.read_bytes() for name, file in all_files(Path(plan.spec)).items()}
    return replace(plan, files=files)


def _unpacked(plan: Plan, folder: Path) -> Plan:
    """The plan for its files as they are in `folder` then.

    Raises:
        InputError: They cannot be written.
    """
    if not plan.files:
        return plan
    try:
        for name, data in plan.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write the network's files to {folder}: {error}") from error
    return replace(plan, spec=str(folder / next(iter(plan.files))), files={})
