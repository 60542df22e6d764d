"""A random graph as it grows: values with what is known of them, and nodes that fit.

Graphs are valid by construction, an idea of NNSmith (Liu et al., ASPLOS 2023): each operator is
drawn with attributes that its inputs allow. Shapes of results are ONNX's own inference. What is
known of a value keeps the graph's numbers well-behaved: the range of its elements (no logarithm of
a negative number, no overflow), and whether they are exact (only then may an operator with steps
take it: a rounding error must not decide between two answers).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]

FLOATS = ("float32", "float16", "float64")
INTEGERS = ("int64", "int32", "int8", "uint8")
# Beyond these bounds rounding alone is a large error.
_LARGEST = {"float16": 200.0, "int8": 127.0, "uint8": 255.0}
_LARGEST_ELSE = 1e4
_MOST_ELEMENTS = 400
_MOST_RANK = 5


@dataclass(frozen=True, kw_only=True)
class Value:
    """A tensor of the graph.

    Attributes:
        dtype: As NumPy calls it.
        low: No element is smaller.
        high: No element is larger.
        exact: Whether every implementation gives the same bits.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    exact: bool

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def largest(self) -> float:
        """No element's absolute value is larger."""
        return max(abs(self.low), abs(self.high))

    @property
    def floats(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return self.dtype in FLOATS


class DoesNotFitError(Exception):
    """The operator that was drawn cannot take what is there; another is drawn."""


class Draft:
    """A graph that operators add their nodes to.

    Args:
        random: Source of every choice.
        opset: Version of the operators.
    """

    def __init__(self, random: np.random.Generator, opset: int) -> None:
        self.random = random
        self.opset = opset
        self.inputs: list[Value] = []
        self.values: list[Value] = []
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Array] = {}
        self._count = 0

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return int(self.random.integers(low, high + 1))

    def chance(self, share: float = 0.5) -> bool:
        """True in that share of all cases."""
        return bool(self.random.random() < share)

    def choice(self, options: Sequence[Any]) -> Any:
        """One of several."""
        return options[self.integer(0, len(options) - 1)]

    def since(self, opset: int) -> None:
        """Raises `DoesNotFitError` where the graph's operators are older."""
        self.need(self.opset >= opset)

    @staticmethod
    def need(condition: bool) -> None:
        """Raises `DoesNotFitError` where it is false."""
        if not condition:
            raise DoesNotFitError

    def pick(self, fits: Callable[[Value], bool]) -> Value:
        """A value of the graph, a late one rather than an early one.

        Raises:
            DoesNotFitError: None fits.
        """
        found = [value for value in self.values if fits(value)]
        self.need(bool(found))
        return found[max(self.integer(0, len(found) - 1), self.integer(0, len(found) - 1))]

    def float_value(self, low_rank: int = 0, high_rank: int = _MOST_RANK) -> Value:
        """A value of floats, of a rank in that range."""
        return self.pick(lambda v: v.floats and low_rank <= v.rank <= high_rank)

    def input(self, shape: tuple[int, ...], dtype: str, low: float, high: float) -> Value:
        """A new input of the graph."""
        value = Value(
            name=f"x{len(self.inputs)}", shape=shape, dtype=dtype, low=low, high=high, exact=True
        )
        self.inputs.append(value)
        self.values.append(value)
        return value

    def constant(self, array: Array) -> str:
        """Name of a new constant."""
        name = self._fresh("c")
        self._constants[name] = array
        return name

    def integers(self, numbers: Sequence[int] | int) -> str:
        """Name of a constant of int64: a vector, or a scalar."""
        return self.constant(np.array(numbers, np.int64))

    def numbers(
        self, shape: Sequence[int], like: Value, low: float = -1.0, high: float = 1.0
    ) -> Array:
        """Numbers of a value's dtype, uniform in a range."""
        return np.asarray(self.random.uniform(low, high, tuple(shape))).astype(like.dtype)

    def add(
        self,
        operator: str,
        inputs: Sequence[Value | str],
        *,
        low: float = -1.0,
        high: float = 1.0,
        exact: bool = False,
        outputs: int = 1,
        **attributes: Any,
    ) -> list[Value]:
        """A node, and its results that have that range; they become values of the graph.

        Inputs that are text are constants, "" for one that is left out; attributes that are None
        are left out.

        Raises:
            DoesNotFitError: ONNX's inference refuses it, or a result is too large or empty.
        """
        given = [name if isinstance(name, str) else name.name for name in inputs]
        attributes = {key: value for key, value in attributes.items() if value is not None}
        names = [self._fresh("v") for _ in range(outputs)]
        node = helper.make_node(operator, given, names, name=names[0], **attributes)
        types = self._infer(node, {v.name: v for v in inputs if isinstance(v, Value)})
        results = [
            Value(name=name, shape=shape, dtype=dtype, low=low, high=high, exact=exact)
            for name, (shape, dtype) in zip(names, types, strict=True)
        ]
        for value in results:
            self._check(value)
        self.nodes.append(node)
        self.values += results
        return results

    def _check(self, value: Value) -> None:
        sound = all(size > 0 for size in value.shape) and value.rank <= _MOST_RANK
        self.need(sound and int(np.prod(value.shape)) <= _MOST_ELEMENTS)
        self.need(value.largest <= _LARGEST.get(value.dtype, _LARGEST_ELSE))

    def _infer(
        self, node: onnx.NodeProto, values: Mapping[str, Value]
    ) -> list[tuple[tuple[int, ...], str]]:
        """Shapes and dtypes of a node's results."""
        constants = {name: self._constants[name] for name in node.input if name in self._constants}
        types = {name: tensor_type(value.dtype, value.shape) for name, value in values.items()}
        types |= {k: tensor_type(str(a.dtype), a.shape) for k, a in constants.items()}
        data = {name: numpy_helper.from_array(array, name) for name, array in constants.items()}
        schema = onnx.defs.get_schema(node.op_type, self.opset)
        imports = [helper.make_opsetid("", self.opset)]
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, types, data, opset_imports=imports
            )
        except Exception as error:
            raise DoesNotFitError from error
        return [_read_type(found[name]) for name in node.output]

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def model(self) -> onnx.ModelProto:
        """The graph; what no node takes is its output."""
        taken = {name for node in self.nodes for name in node.input}
        outputs = [v for v in self.values if v.name not in taken and v not in self.inputs]
        inputs = [v for v in self.inputs if v.name in taken]
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info(v.name, _code(v.dtype), v.shape) for v in inputs],
            [helper.make_tensor_value_info(v.name, _code(v.dtype), v.shape) for v in outputs],
            [
                numpy_helper.from_array(array, name)
                for name, array in self._constants.items()
                if name in taken
            ],
        )
        imports = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=10)


def tensor_type(dtype: str, shape: Sequence[int]) -> onnx.TypeProto:
    """A tensor's type, as ONNX has it."""
    return helper.make_tensor_type_proto(_code(dtype), shape)


def _code(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _read_type(proto: onnx.TypeProto) -> tuple[tuple[int, ...], str]:
    tensor = proto.tensor_type
    if not tensor.HasField("shape") or any(not d.HasField("dim_value") for d in tensor.shape.dim):
        raise DoesNotFitError
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    return tuple(dim.dim_value for dim in tensor.shape.dim), dtype.name
