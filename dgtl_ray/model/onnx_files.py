"""ONNX files, and the files beside them that hold their weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, TensorProto
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from dgtl_ray.core.errors import InputError, first_line

# What ONNX's checker refuses and ONNX Runtime runs: operators of its own, which its optimiser
# writes as if they were ONNX's, and one that another of its name replaced in opset 21.
_LET_BY = ("No Op registered", "Op registered for GroupNormalization is deprecated")


def read_model(path: Path) -> ModelProto:
    """A checked model with all its weights.

    Raises:
        InputError: There is no such file, it is damaged, or weights that lie in another are not
            there.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    model = _checked(path, lambda: onnx.load(path, load_external_data=False))
    for file in data_files(path, model):
        if not file.is_file():
            raise InputError(
                f"{path} has weights in a second file, {file.name!r}, which is not there: it was "
                f"looked for at {file.absolute()}. Put it there: both files belong together"
            )
    _checked(path, lambda: _check(path))
    _checked(path, lambda: load_external_data_for_model(model, str(path.parent)))
    return model


def all_files(path: Path) -> dict[str, Path]:
    """A model's files by their names relative to it: itself, and those of its weights."""
    model = onnx.load(path, load_external_data=False)
    files = [path, *data_files(path, model)]
    return {file.relative_to(path.parent).as_posix(): file for file in files}


def data_files(path: Path, model: ModelProto) -> list[Path]:
    """The files that a model's weights lie in, each once, in order of first use."""
    places = (
        {entry.key: entry.value for entry in tensor.external_data}["location"]
        for tensor in _tensors(model.graph)
        if uses_external_data(tensor)
    )
    return [path.parent / place for place in dict.fromkeys(places)]


def name_nodes(graph: Any) -> None:
    """Give nodes without a name that of their first output: messages tell of nodes by name."""
    for node in graph.node:
        outputs = [name for name in node.output if name]
        node.name = node.name or (outputs[0] if outputs else node.op_type)
        for inner in inner_graphs(node):
            name_nodes(inner)


def has_bfloat16(graph: Any) -> bool:
    """Whether weights, inputs or outputs are in bfloat16."""
    types = {tensor.data_type for tensor in _tensors(graph)}
    types |= {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    return TensorProto.BFLOAT16 in types


def inner_graphs(node: Any) -> Iterator[Any]:
    """The graphs inside a node: branches and bodies."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(graph: Any) -> Iterator[Any]:
    """Weights and constants of a graph, and of graphs inside its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for inner in inner_graphs(node):
            yield from _tensors(inner)


def _check(path: Path) -> None:
    """ONNX's checker; operators that it does not take are for the importer to refuse."""
    try:
        onnx.checker.check_model(str(path))  # by name: it may be over 2 GB
    except onnx.checker.ValidationError as error:
        if not str(error).startswith(_LET_BY):
            raise


def _checked(path: Path, step: Any) -> Any:
    try:
        return step()
    except Exception as error:
        reason = first_line(error) if str(error).strip() else "it is damaged"
        raise InputError(f"{path} is not a valid ONNX file: {reason}") from error
