"""From what the user names to a `Network`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tvm

from dgtl_ray.core.closeness import coarsest
from dgtl_ray.core.errors import InputError, MissingExtraError, last_line
from dgtl_ray.core.precision import FLOAT16, OWN
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model import tasks, zoo
from dgtl_ray.model.facts import graph_facts
from dgtl_ray.model.folding import static_shape
from dgtl_ray.model.lowering import lower
from dgtl_ray.model.network import Network
from dgtl_ray.model.source import Source
from dgtl_ray.model.specs import SpecKind, classify
from dgtl_ray.model.target import TargetSpec

if TYPE_CHECKING:
    from torch import nn


class LoweringError(InputError):
    """TVM has the network, and cannot make loops of it."""

    def __init__(self, network: str, why: str) -> None:
        super().__init__(f"{network}: {why}")
        self.why = why


def load_network(
    spec: "str | Path | nn.Module",
    target: TargetSpec,
    *,
    example_inputs: Any = None,
    shapes: Shapes = AS_IN_FILE,
    way: int = 0,
    precision: str = OWN,
) -> Network:
    """Read a network, lower it for a target, and find its layer tasks.

    Args:
        spec: A built-in name (`zoo.NAMES`), the path of an ONNX file, `package.module:factory`,
            or a `torch.nn.Module`.
        target: What to lower it for.
        example_inputs: For a `torch.nn.Module` only: a tensor, a tuple of arguments, or a dict of
            keyword arguments.
        shapes: Of the inputs of an ONNX file, where it leaves them open.
        way: The first of its ways in to be tried, as `Network.source.way` of another load tells.
        precision: `float16` to compute a float32 network in that, with its own inputs and outputs.

    Raises:
        InputError: The network cannot be found, read or imported, or has dynamic shapes.
        MissingExtraError: It is an ONNX file and `onnx` is not installed.
    """
    source = _source(spec, example_inputs, shapes)
    source = source.by_way(way)
    try:
        return network_from(source, target, precision)
    except LoweringError as refusal:
        network = _by_other_way(source, target, precision, refusal)
        if network is None:
            raise
        return network


def _by_other_way(
    source: Source, target: TargetSpec, precision: str, refusal: LoweringError
) -> Network | None:
    """By the first of the ways that follow by which TVM lowers it."""
    other = source.other_way()
    while other is not None:
        try:
            network = network_from(other, target, precision)
        except (InputError, MissingExtraError):  # what is wrong with the first way is what counts
            other = other.other_way()
            continue
        return replace(network, notes=(*network.notes, other.instead(refusal.why)))
    return None


def network_from(source: Source, target: TargetSpec, precision: str = OWN) -> Network:
    """A network by one of its ways in; see `load_network`."""
    imported = source.to_relax()
    inputs = _inputs(imported)
    facts = graph_facts(imported)
    precision = _precision(source, facts.precision, precision)
    if precision == FLOAT16:
        facts = replace(facts, precision=coarsest([facts.precision, FLOAT16]))
    module = _lower(source.name, imported, target, precision)
    layer_tasks = tasks.extract_tasks(module, source.name)  # refuses shapes that are not fixed
    return Network(
        name=source.name,
        network_hash=tasks.network_hash(module),
        module=module,
        tasks=layer_tasks,
        inputs=tuple(inputs.values()),
        input_names=tuple(inputs),
        facts=facts,
        source=source,
        notes=source.notes,
        precision=precision,
    )


def _source(spec: Any, example_inputs: Any, shapes: Shapes) -> Source:
    kind = classify(str(spec)) if isinstance(spec, str | Path) else None
    if kind is SpecKind.ONNX:
        from dgtl_ray.model.onnx_source import OnnxSource

        return OnnxSource(Path(spec), shapes)
    if shapes.given:
        raise InputError(
            f"{spec}: --shape and --dim are for ONNX files; a torch network has the shapes of its "
            "example inputs"
        )
    return _torch_source(kind, spec, example_inputs)


def _torch_source(kind: SpecKind | None, spec: Any, example_inputs: Any) -> Source:
    from torch import nn

    from dgtl_ray.model.factory import call_factory
    from dgtl_ray.model.nested import flattened
    from dgtl_ray.model.torch_source import TorchSource

    if kind is SpecKind.BUILTIN:
        return TorchSource(spec, *zoo.build(spec))
    if kind is SpecKind.FACTORY:
        return TorchSource(spec, *call_factory(spec))
    if not isinstance(spec, nn.Module):
        raise InputError(
            f"a network must be a name, a path or a torch.nn.Module, not {type(spec).__name__}"
        )
    name = type(spec).__name__
    return TorchSource(name, *flattened(name, spec, example_inputs))


def _inputs(module: Any) -> dict[str, TensorSpec]:
    """Name, shape and dtype of each input of `main`."""
    return {
        str(var.name): TensorSpec(shape=static_shape(var.ty), dtype=str(var.ty.dtype))
        for var in module["main"].params
    }


def _precision(source: Source, found: str, wanted: str) -> str:
    """What an imported network is to be lowered in.

    Raises:
        InputError: It is in what no float16 is made of.
    """
    if wanted == OWN or found == FLOAT16:  # it is in float16 as it was imported
        return OWN
    if found != "float32":
        raise InputError(f"{source.name}: float16 is made of networks in float32, not in {found}")
    return FLOAT16


def _lower(name: str, module: Any, target: TargetSpec, precision: str) -> Any:
    try:
        return lower(module, tvm.target.Target(target.json), precision)
    except Exception as error:
        raise LoweringError(name, f"TVM cannot lower it: {last_line(error)}") from error
