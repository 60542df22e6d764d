"""What of an exported network is known before it runs: positions, masks, index tensors."""

from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

# Larger ones are left to TVM, which need not hold them twice.
MOST_ELEMENTS = 1 << 20


def known_values(exported: Any) -> dict[fx.Node, Tensor]:
    """The value of each call that depends on no input and no parameter, computed by torch."""
    known = _sources(exported)
    given = set(known)
    with torch.no_grad():
        for node in exported.graph.nodes:
            if node.op == "call_function" and all(arg in known for arg in node.all_input_nodes):
                value = _evaluated(node, known)
                if value is not None:
                    known[node] = value
    return {node: value for node, value in known.items() if node not in given}


def _sources(exported: Any) -> dict[fx.Node, Tensor]:
    """Constants and small buffers that nothing writes to."""
    signature = exported.graph_signature
    names = {
        **signature.inputs_to_lifted_tensor_constants,
        **signature.inputs_to_buffers,
    }
    written = set(signature.buffers_to_mutate.values())
    values = {**exported.state_dict, **exported.constants}
    return {
        node: values[names[node.name]]
        for node in exported.graph.nodes
        if node.op == "placeholder"
        and names.get(node.name) in values
        and names[node.name] not in written
        and _is_small(values[names[node.name]])
    }


def _evaluated(node: fx.Node, known: dict[fx.Node, Tensor]) -> Tensor | None:
    tags = getattr(node.target, "tags", ())
    if torch.Tag.nondeterministic_seeded in tags or not _is_operator(node.target):
        return None
    expected = node.meta.get("val")
    if not isinstance(expected, Tensor) or not _is_small(expected):
        return None
    args: Any = map_arg(node.args, known.__getitem__)
    kwargs: Any = map_arg(node.kwargs, known.__getitem__)
    value: Tensor = node.target(*args, **kwargs)  # type: ignore[operator]
    return value.detach().contiguous()


def _is_operator(target: Any) -> bool:
    """Whether it computes a value; `empty` does not."""
    return (
        isinstance(target, torch._ops.OpOverload)  # noqa: SLF001
        and not target.__name__.startswith(("empty", "new_empty"))
    )


def _is_small(value: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.dtype != torch.bfloat16
        and not value.dtype.is_complex
        and value.numel() <= MOST_ELEMENTS
    )
