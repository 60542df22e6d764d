"""TVM's own converters, for those of ours that only prepare a node for them."""

from collections.abc import Sequence
from typing import Any

from tvm.relax.frontend.onnx import onnx_frontend

from dgtl_ray.model.onnx_ops.node import Node


def natively(node: Node, inputs: Sequence[Any] | None = None) -> Any:
    """What TVM's own converter makes of a node, or of it with other inputs."""
    known = onnx_frontend._get_convert_map()  # noqa: SLF001 - there is no public door
    convert = known[node.operator].get_converter(node.opset)
    given = onnx_frontend.onnx_input(node.inputs if inputs is None else inputs)
    return convert(node.builder, given, dict(node.attrs), [{}, {}])
