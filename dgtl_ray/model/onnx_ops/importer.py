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

from dgtl_ray.core.errors import InputError, last_line
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.model.onnx_files import inner_graphs
from dgtl_ray.model.onnx_ops import families
from dgtl_ray.model.onnx_ops.node import (
    Node,
    RefusedError,
    UnknownOperatorError,
    constant_value,
    refused,
)
from dgtl_ray.model.onnx_ops.table import CONVERTERS

_OWN_DOMAINS = ("", "ai.onnx")
# What decides while the network runs which nodes run, or how often.
_CONTROL = {
    "If": "its condition is not known before the network runs",
    "Loop": "loops are not supported",
    "Scan": "loops are not supported",
}
# Of how many elements their results are only the data say, which TVM's types do not tell.
_OPEN_SHAPES = ("NonMaxSuppression", "AllClassNMS", "Unique")
_OPEN = (
    "the shape of its result depends on the network's data; only networks with fixed shapes can be "
    "tuned"
)
# Inputs that TVM's converters need to know, by position.
_PARAMETERS: Mapping[str, Mapping[int, str]] = {
    "AffineGrid": {1: "size"},
    "ConstantOfShape": {0: "shape"},
    "CumSum": {1: "axis"},
    "Expand": {1: "shape"},
    "MaxUnpool": {2: "output_shape"},
    "OneHot": {1: "depth", 2: "values"},
    "Pad": {1: "pads", 2: "constant_value", 3: "axes"},
    "Range": {0: "start", 1: "limit", 2: "delta"},
    "Reshape": {1: "shape"},
    "Slice": {1: "starts", 2: "ends", 3: "axes", 4: "steps"},
    "Split": {1: "split"},
    "Squeeze": {1: "axes"},
    "Tile": {1: "repeats"},
    "TopK": {1: "k"},
    "Unsqueeze": {1: "axes"},
    **{name: {1: "axes"} for name in (
        "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceL1", "ReduceSumSquare",
        "ReduceMean", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    )},
}  # fmt: skip
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
        except Exception as error:
            importer.end()
            if isinstance(error, InputError):
                raise
            raise RefusedError(f"TVM cannot import it: {_said(error)}") from error


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
            if operator in _OPEN_SHAPES:
                raise refused(node.name, operator, _OPEN)
            if operator in _CONTROL:
                raise refused(node.name, operator, _CONTROL[operator])
            if not (operator in CONVERTERS or operator in known):
                raise UnknownOperatorError(node.name, operator)

    def _construct_nodes(self, graph: Any) -> None:
        super()._construct_nodes(graph)
        for output in graph.output:
            # Shapes and sizes that the network returns are numbers, too.
            value = self._nodes[output.name]
            known = None if isinstance(value, relax.Var) else constant_value(value, self.bb)
            if known is not None and not isinstance(value, tvm.ir.GenericConst):
                self._nodes[output.name] = relax.const(known.astype("int64"), "int64")

    def _parse_attr(self, attr_proto: Any) -> dict[str, Any]:
        return {a.name: _attribute(a) for a in attr_proto}

    def _convert_operator(
        self, op_name: str, inputs: list[Any], attrs: dict[str, Any], opset: int
    ) -> Any:
        custom = attrs["tvm_custom"]
        unknown = self._unknown_parameters(op_name, inputs)
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
        except Exception as error:
            if unknown:
                what = f"{unknown} that the network computes from its data are not supported"
            elif isinstance(error, RefusedError):
                raise
            else:
                what = f"TVM cannot import it: {_said(error)}"
            raise refused(custom["name"], op_name, what) from error

    def _unknown_parameters(self, operator: str, inputs: list[Any]) -> str:
        """Those inputs by name that a converter needs to know and does not."""
        return ", ".join(
            name
            for k, name in _PARAMETERS.get(operator, {}).items()
            if k < len(inputs)
            and inputs[k] is not None
            and constant_value(inputs[k], self.bb) is None
        )


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
                raise refused(name, operator, _OPEN)
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
    kind, said = type(error).__name__, last_line(error)
    return kind if said == kind else f"{kind}: {said}"
