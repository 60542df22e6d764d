"""What an exported network returns: tensors, whatever else its module returns beside them."""

from typing import Any

from torch import fx

from dgtl_ray.core.errors import InputError


def keep_tensors(exported: Any) -> None:
    """Take None and plain numbers out of an exported network's outputs, in place.

    Raises:
        InputError: No tensor is left.
    """
    output = next(node for node in exported.graph.nodes if node.op == "output")
    pairs = list(zip(output.args[0], exported.graph_signature.output_specs, strict=True))
    kept = [(value, spec) for value, spec in pairs if isinstance(value, fx.Node)]
    if not any(spec.kind.name == "USER_OUTPUT" for _, spec in kept):
        raise InputError("its outputs must be tensors: it returns none")
    if len(kept) < len(pairs):
        output.args = (tuple(value for value, _ in kept),)
        exported.graph_signature.output_specs = [spec for _, spec in kept]
