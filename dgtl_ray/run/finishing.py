"""From winning schedules to a module that is compiled, verified and compared."""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from dgtl_ray.core.inside import Inside
from dgtl_ray.deploy import (
    ModuleMetadata,
    Verification,
    compile_network,
    load,
    look_inside,
    save_module,
    verify,
)
from dgtl_ray.model import Network, TargetSpec, keys_of_functions, load_network
from dgtl_ray.run.comparison import NO_COMPARISON, Comparison, compare_network


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to finish.

    Attributes:
        spec: The network as the user named it, with `example_inputs` where it is a torch module.
        schedules: Schedule text by workload key.
        compare: Whether it is timed beside other runtimes.
    """

    spec: Any
    example_inputs: Sequence[Any] | None
    target: TargetSpec
    schedules: Mapping[str, str]
    metadata: ModuleMetadata
    compare: bool


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


def finish(plan: Plan, network: Network, folder: Path) -> Finished:
    """Compile, save to `folder`, verify and compare on this machine, which has the device.

    Raises:
        InputError: The folder cannot be written.
        DeviceError: The module cannot run here.
    """
    compiled = compile_network(network, plan.schedules, plan.target)
    save_module(compiled, folder, plan.metadata)
    verification = verify(load(folder), network)
    comparison = NO_COMPARISON
    if plan.compare:
        comparison = compare_network(plan.spec, network, plan.target, folder, plan.metadata)
    # On a GPU the clock of the host tells nothing of a call.
    inside = look_inside(folder) if plan.target.kind == "cpu" else None
    return Finished(
        verification=verification,
        comparison=comparison,
        inside=inside,
        layers_s=_by_key(inside, network) if inside else {},
    )


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
    network = load_network(plan.spec, plan.target, example_inputs=plan.example_inputs)
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        folder = Path(scratch) / "module"
        finished = finish(plan, network, folder)
        return finished, {path.name: path.read_bytes() for path in folder.iterdir()}
