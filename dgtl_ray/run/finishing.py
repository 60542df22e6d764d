"""From winning schedules to a module that is compiled, verified and compared."""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

from dgtl_ray.core.inside import Inside
from dgtl_ray.core.precision import OWN
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.deploy import (
    ModuleMetadata,
    Verification,
    compile_network,
    load,
    look_inside,
    note_fault,
    save_module,
    verify,
)
from dgtl_ray.model import Network, TargetSpec, keys_of_functions, load_network
from dgtl_ray.model.specs import SpecKind, classify
from dgtl_ray.run.comparison import NO_COMPARISON, Comparison, compare_network


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
    """

    verification: Verification
    comparison: Comparison
    inside: Inside | None
    layers_s: Mapping[str, float]

    def fault_notes(self) -> list[str]:
        """What is wrong with a module that failed verification, and where it is kept."""
        fault = self.verification.fault()
        return [f"no module: {fault}; what was compiled is in the run's rejected/"] if fault else []


def finish(plan: Plan, network: Network, folder: Path) -> Finished:
    """Compile, save to `folder`, verify and compare on this machine, which has the device.

    Raises:
        InputError: The folder cannot be written.
        DeviceError: The module cannot run here.
    """
    compiled = compile_network(network, plan.schedules, plan.target)
    save_module(compiled, folder, plan.metadata)
    verification = verify(load(folder), network)
    if not verification.ok:
        note_fault(folder, verification.fault())
        return _nothing_but(verification)
    comparison = NO_COMPARISON
    if plan.compare:
        comparison = compare_network(
            plan.spec, network, plan.target, folder, plan.metadata, plan.shapes
        )
    # On a GPU the clock of the host tells nothing of a call.
    inside = look_inside(folder) if plan.target.kind == "cpu" else None
    return Finished(
        verification=verification,
        comparison=comparison,
        inside=inside,
        layers_s=_by_key(inside, network) if inside else {},
    )


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
    """As `finish`, for a machine that has nothing but the plan; the module's files by name."""
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


def packed(plan: Plan) -> Plan:
    """The plan with the files of its network, where it is one in files."""
    if not isinstance(plan.spec, str | Path) or classify(str(plan.spec)) is not SpecKind.ONNX:
        return plan
    from dgtl_ray.model.onnx_files import all_files

    files = {name: file.read_bytes() for name, file in all_files(Path(plan.spec)).items()}
    return replace(plan, files=files)


def _unpacked(plan: Plan, folder: Path) -> Plan:
    """The plan for its files as they are in `folder` then."""
    if not plan.files:
        return plan
    for name, data in plan.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return replace(plan, spec=str(folder / next(iter(plan.files))), files={})
