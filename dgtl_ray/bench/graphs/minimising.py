"""The smallest part of a graph that goes wrong in the same way."""

from collections.abc import Callable, Iterator

import onnx
from onnx.utils import Extractor

Fails = Callable[[onnx.ModelProto], bool]


def minimise(model: onnx.ModelProto, fails: Fails) -> onnx.ModelProto:
    """Cut a graph behind, then before what fails; the graph itself where no part does.

    Args:
        model: A graph that fails.
        fails: Whether a part of it fails in the same way.
    """
    inferred = onnx.shape_inference.infer_shapes(model)
    smallest = inferred
    for part in _heads(inferred):
        if fails(part):
            smallest = part
            break
    while (shorter := next(filter(fails, _tails(smallest)), None)) is not None:
        smallest = shorter
    return smallest


def _heads(model: onnx.ModelProto) -> Iterator[onnx.ModelProto]:
    """What leads to each node's results, the first nodes first."""
    inputs = [value.name for value in model.graph.input]
    for node in model.graph.node:
        yield Extractor(model).extract_model(inputs, [node.output[0]])


def _tails(model: onnx.ModelProto) -> Iterator[onnx.ModelProto]:
    """What follows a value of floats, which becomes an input; the last nodes first."""
    outputs = [value.name for value in model.graph.output]
    inputs = [value.name for value in model.graph.input]
    known = {value.name: value for value in model.graph.value_info}
    for node in reversed(model.graph.node):
        for name in node.output:
            if name in known and known[name].type.tensor_type.elem_type in _FLOATS:
                shorter = Extractor(model).extract_model([*inputs, name], outputs)
                if len(shorter.graph.node) < len(model.graph.node):
                    yield _without_idle_inputs(shorter)


def _without_idle_inputs(model: onnx.ModelProto) -> onnx.ModelProto:
    taken = {name for node in model.graph.node for name in node.input}
    kept = [value for value in model.graph.input if value.name in taken]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model


_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
