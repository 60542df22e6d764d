"""Checks a network as the user names it, without a run."""

from dataclasses import replace
from typing import Any

from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.model.checking.choosing import check_ways
from dgtl_ray.model.checking.report import CheckReport


def check_network(
    spec: Any, target: str, shapes: Shapes = AS_IN_FILE, *, example_inputs: Any = None
) -> CheckReport:
    """Import a network and compare it with its own framework; see `model.checking`.

    Args:
        spec: As `load_network` takes it.
        target: `cpu`, `cuda`, or a TVM target as JSON.
        shapes: Of the inputs of an ONNX file, where it leaves them open.
        example_inputs: As `load_network` takes them.

    Raises:
        InputError: It cannot be imported, or has no answers to compare with.
    """
    lowered_for = parse_target(target)
    network, report = check_ways(
        load_network(spec, lowered_for, example_inputs=example_inputs, shapes=shapes), lowered_for
    )
    return replace(report, notes=(*network.notes, *report.notes))
