"""Checks a network as the user names it, without a run."""

from dataclasses import replace
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.precision import BFLOAT16, OWN, in_bfloat16
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.model import Network, load_network, parse_target
from dgtl_ray.model.checking.choosing import check_ways
from dgtl_ray.model.checking.report import CheckReport


def check_network(
    spec: Any,
    target: str,
    shapes: Shapes = AS_IN_FILE,
    *,
    example_inputs: Any = None,
    precision: str = OWN,
) -> CheckReport:
    """Import a network and compare it with its own framework; see `model.checking`.

    Args:
        spec: As `load_network` takes it.
        target: `cpu`, `cuda`, or a TVM target as JSON.
        shapes: Of the inputs of an ONNX file, where it leaves them open.
        example_inputs: As `load_network` takes them.
        precision: `own` or `float16`.

    Raises:
        InputError: It cannot be imported, or has no answers to compare with.
    """
    lowered_for = parse_target(target)
    network = load_network(
        spec, lowered_for, example_inputs=example_inputs, shapes=shapes, precision=precision
    )
    network, report = check_ways(network, lowered_for)
    return replace(report, notes=(*network.notes, *report.notes))


def require_tunable(network: Network) -> None:
    """Refuse what no search can do anything for.

    Raises:
        InputError: It computes nothing, or is in bfloat16.
    """
    if not network.tasks:
        raise InputError(f"{network.name} computes nothing: there is nothing to tune")
    if network.facts.precision == BFLOAT16:
        raise InputError(in_bfloat16(network.name))
