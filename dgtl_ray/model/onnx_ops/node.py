"""What a converter gets: one node of an ONNX graph, its inputs as relax expressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import relax

from dgtl_ray.core.errors import InputError


class RefusedError(InputError):
    """A node that cannot be converted; the text names node, operator, and what is not supported."""


class UnknownOperatorError(RefusedError):
    """An operator that nobody converts, whatever its attributes are."""

    def __init__(self, name: str, operator: str) -> None:
        super().__init__(f"node {name!r} ({operator}): the operator is not supported")


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node that is being converted.

    Attributes:
        name: What it is called, or the first of its outputs where it has no name.
        operator: Its operator, with the domain before it where that is not ONNX's own.
        inputs: Relax expressions; None where an optional input is left out.
        outputs: How many outputs it has.
        attrs: Its attributes; texts are bytes, tensors protocol buffers.
        opset: Version of ONNX's own operators that the file uses.
        builder: The relax block builder.
    """

    name: str
    operator: str
    inputs: Sequence[Any]
    outputs: int
    attrs: Mapping[str, Any]
    opset: int
    builder: Any

    def refuse(self, what: str) -> RefusedError:
        """The error to raise where the node wants something that there is no way to do."""
        return refused(self.name, self.operator, what)

    def attr(self, name: str, default: Any) -> Any:
        """An attribute's value: texts decoded, lists as lists; `default` where it is not given."""
        value = self.attrs.get(name, default)
        if isinstance(value, bytes):
            return value.decode()
        return list(value) if isinstance(value, tuple) else value

    def has(self, k: int) -> bool:
        """Whether input `k` is given."""
        return k < len(self.inputs) and self.inputs[k] is not None

    def optional(self, k: int) -> Any:
        """Input `k`, normalised, or None."""
        return self.emit(self.inputs[k]) if self.has(k) else None

    def emit(self, expr: Any) -> Any:
        """The expression with its type known."""
        if isinstance(expr, relax.ShapeExpr):
            sizes = np.array([int(size) for size in expr.values], "int64")
            return relax.const(sizes, "int64")
        return self.builder.normalize(expr)

    def stack(self, parts: Sequence[Any], axis: int) -> Any:
        """Tensors side by side along a new axis; TVM's own `stack` has no rule for layouts."""
        wide = [self.emit(relax.op.expand_dims(self.emit(part), axis)) for part in parts]
        return self.emit(relax.op.concat(wide, axis=axis))

    def shape(self, k: int = 0) -> tuple[int, ...]:
        """The shape of input `k`."""
        return self.shape_of(self.emit(self.inputs[k]))

    def shape_of(self, expr: Any) -> tuple[int, ...]:
        """The shape of any expression."""
        shape = self.emit(expr).ty.shape
        if shape is None or not all(isinstance(dim, tvm.tirx.IntImm) for dim in shape):
            raise self.refuse("its shapes depend on the data")
        return tuple(int(dim) for dim in shape)

    def dtype(self, k: int = 0) -> str:
        """The dtype of input `k`."""
        return str(self.emit(self.inputs[k]).ty.dtype)

    def constant(self, k: int, what: str) -> NDArray[Any] | None:
        """The value of input `k`, which must be known before the network runs; None without it."""
        if not self.has(k):
            return None
        value = constant_value(self.inputs[k], self.builder)
        if value is None:
            raise self.refuse(f"{what} that the network computes from its data are not supported")
        return value

    def const(self, value: Any, dtype: str | None = None) -> Any:
        """A constant, of the first input's dtype where none is said."""
        wanted = dtype or self.dtype()
        return relax.const(np.asarray(value).astype(wanted, order="C"), wanted)


def refused(name: str, operator: str, what: str) -> RefusedError:
    """The error for a node that cannot be converted."""
    return RefusedError(f"node {name!r} ({operator}): {what}")


def constant_value(expr: Any, builder: Any) -> NDArray[Any] | None:
    """The value of an expression that is known before the network runs, else None."""
    if isinstance(expr, relax.ShapeExpr):
        known = all(isinstance(size, tvm.tirx.IntImm) for size in expr.values)
        return np.array([int(size) for size in expr.values], "int64") if known else None
    if isinstance(expr, tvm.tirx.IntImm | tvm.tirx.FloatImm):
        return np.asarray(expr.value)
    if isinstance(expr, relax.Var):
        bound = builder.lookup_binding(expr)
        return None if bound is None else constant_value(bound, builder)
    return np.asarray(expr.value.numpy()) if isinstance(expr, tvm.ir.GenericConst) else None
