"""TVM's ONNX importer with our converters beside its own, and errors that name the node."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import onnx
import tvm
from onnx import ModelProto
from tvm import relax
from tvm.relax.frontend.onnx import onnx_frontend

from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model.onnx_files import inner_graphs
from dgtl_ray.model.onnx_ops import families
from dgtl_ray.model.onnx_ops.node import Node, RefusedError, refused
from dgtl_ray.model.onnx_ops.table import CONVERTERS

_OWN_DOMAINS = ("", "ai.onnx")
_IN_THE_IMPORTER = ("If", "Constant")
families.load()


def import_model(model: ModelProto, inputs: Mapping[str, TensorSpec]) -> Any:
    """A relax module with one function `main`, weights bound as constants.

    Args:
        model: Its nodes have names.
        inputs: Shape and dtype of each input.

    Raises:
        RefusedError: A node cannot be converted.
    """
    importer = _Importer(
        {name: list(spec.shape) for name, spec in inputs.items()},
        {name: spec.dtype for name, spec in inputs.items()},
    )
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),  # it prints the inputs of a node that fails
    ):
        warnings.simplefilter("ignore")  # remarks on models that import all the same
        try:
            with _qualified(model.graph):
                return importer.from_onnx(model.graph, _opset(model))
        except Exception:
            importer.end()
            raise


@contextlib.contextmanager
def _qualified(graph: Any) -> Iterator[None]:
    """Operators of other domains have that domain before their names, for a while.

    TVM's importer looks at an operator's name only: one of Microsoft's must not be taken for
    another of ONNX's own. A copy would hold all weights twice.
    """
    renamed = [node for node in _nodes(graph) if node.domain not in _OWN_DOMAINS]
    for node in renamed:
        node.op_type = f"{node.domain}.{node.op_type}"
    try:
        yield
    finally:
        for node in renamed:
            node.op_type = node.op_type.removeprefix(f"{node.domain}.")


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for inner in inner_graphs(node):
            yield from _nodes(inner)


def _opset(model: ModelProto) -> int:
    versions = [i.version for i in model.opset_import if i.domain in _OWN_DOMAINS]
    return int(versions[0]) if versions else 1


class _Importer(onnx_frontend.ONNXGraphImporter):  # type: ignore[misc]
    """TVM's, which asks these methods for each node."""

    def end(self) -> None:
        """Close what an error left open, or TVM warns of it."""
        with contextlib.suppress(Exception):
            while True:
                self.bb._end_block()  # noqa: SLF001 - the public way ends a function without errors

    def _check_for_unsupported_ops(self, graph: Any) -> None:
        known = onnx_frontend._get_convert_map()  # noqa: SLF001 - there is no public door
        for node in graph.node:
            operator = node.op_type
            if not (operator in CONVERTERS or operator in _IN_THE_IMPORTER or operator in known):
                raise refused(node.name, operator, "the operator is not supported")

    def _parse_attr(self, attr_proto: Any) -> dict[str, Any]:
        return {a.name: _attribute(a) for a in attr_proto}

    def _convert_operator(
        self, op_name: str, inputs: list[Any], attrs: dict[str, Any], opset: int
    ) -> Any:
        custom = attrs["tvm_custom"]
        try:
            if op_name not in CONVERTERS:
                converted = super()._convert_operator(op_name, inputs, attrs, opset)
                return _checked(custom["name"], op_name, converted)
            node = Node(
                name=custom["name"],
                operator=op_name,
                inputs=list(inputs),
                outputs=custom["num_outputs"],
                attrs=attrs,
                opset=opset,
                builder=self.bb,
            )
            return self.bb.normalize(_single(CONVERTERS[op_name](node)))
        except RefusedError:
            raise
        except Exception as error:
            raise refused(
                custom["name"], op_name, f"TVM cannot import it: {_said(error)}"
            ) from error


def _single(converted: Any) -> Any:
    """What stands in a tuple of one: TVM's importer takes a tuple for more outputs."""
    alone = isinstance(converted, relax.Tuple) and len(converted.fields) == 1
    return converted.fields[0] if alone else converted


def _checked(name: str, operator: str, converted: Any) -> Any:
    """What was converted, where all its shapes are known."""
    if isinstance(converted, relax.Expr):
        for kind in _kinds(converted.ty):
            fixed = kind.shape is not None and isinstance(kind.shape, relax.ShapeExpr)
            if not (fixed and all(isinstance(dim, tvm.tirx.IntImm) for dim in kind.shape)):
                raise refused(
                    name,
                    operator,
                    "the shape of its result depends on the network's data; only networks with "
                    "fixed shapes can be tuned",
                )
    return converted


def _kinds(kind: Any) -> Iterator[Any]:
    """The tensor types in a type."""
    if isinstance(kind, relax.TensorType):
        yield kind
    elif isinstance(kind, relax.TupleType):
        for part in kind.fields:
            yield from _kinds(part)


def _attribute(attribute: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    return tuple(value) if not isinstance(value, bytes) and hasattr(value, "__iter__") else value


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
