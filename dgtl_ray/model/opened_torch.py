"""A torch network that returns what each of its operators computes."""

from typing import Any

import torch
from torch import Tensor, fx


def open_program(exported: Any) -> tuple[fx.GraphModule, tuple[str, ...]]:
    """An exported program that returns the results of its operators in order.

    Returns:
        The module, and what each operator is called, with the module that it belongs to.
    """
    module = exported.module()
    graph = module.graph
    nodes = [node for node in graph.nodes if _gives_tensor(node)]
    results = nodes
    if any(map(_writes_in_place, nodes)):
        results = [_copied(graph, node) for node in nodes]
    (output,) = (node for node in graph.nodes if node.op == "output")
    output.args = (tuple(results),)
    graph.set_codegen(fx.graph.CodeGen())  # the old one knows the old output's structure
    return fx.GraphModule(module, graph), tuple(map(_label, nodes))


def _gives_tensor(node: fx.Node) -> bool:
    return node.op == "call_function" and isinstance(node.meta.get("val"), Tensor)


def _writes_in_place(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return bool(schema is not None and schema.is_mutable)


def _copied(graph: fx.Graph, node: fx.Node) -> fx.Node:
    """A copy of a result, made before another operator writes into it."""
    with graph.inserting_after(node):
        return graph.call_function(torch.ops.aten.clone.default, (node,))


def _label(node: fx.Node) -> str:
    """`aten.conv2d.default in stem.conv`."""
    stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if path]
    place = str(stack[-1]).removeprefix("L['self'].") if stack else ""
    return f"{node.target} in {place}" if place else f"{node.target} ({node.name})"
