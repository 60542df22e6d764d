"""What a task does to each element of its anchor's output, as one expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import tirx
from tvm.ir.expr import TensorLoad

# An expression that reads the anchor's value more often is left to TVM: inlined, it grows with
# each use of a use.
MOST_READS = 16


class UnlikeError(Exception):
    """A task that is not of the form that an algorithm needs."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """How a block without a reduction fills its buffer.

    Attributes:
        axes: Its indices, one a dimension.
        value: Of the element at these.
    """

    axes: tuple[Any, ...]
    value: Any


@dataclass(frozen=True, kw_only=True)
class Epilogue:
    """The output's element as an expression of the anchor's.

    Attributes:
        axes: Indices of the element, one a dimension.
        anchor: Stands for the anchor's element.
        value: The output's.
    """

    axes: tuple[Any, ...]
    anchor: Any
    value: Any

    def at(self, value: Any, indices: Sequence[Any]) -> Any:
        """The output's element at `indices`, `value` being the anchor's."""
        typed = [_of_type(i, axis) for i, axis in zip(indices, self.axes, strict=True)]
        return substitute(
            self.value, {self.anchor: value, **dict(zip(self.axes, typed, strict=True))}
        )

    def reads(self, buffer: Any) -> bool:
        """Whether it reads a buffer itself."""
        found = []

        def look(load: Any) -> Any:
            found.append(load.source.same_as(buffer))
            return load

        tvm_ffi.structural_map(self.value, (TensorLoad, look))
        return any(found)


def read_epilogue(output: Any, anchor: Any, definitions: Mapping[Any, Definition]) -> Epilogue:
    """The expression of `output`'s elements, all buffers between inlined.

    Args:
        output: The buffer that the task writes.
        anchor: The buffer that its anchor writes; where both are one, nothing follows the anchor.
        definitions: How buffers in between are filled.

    Raises:
        UnlikeError: An element needs another element of the anchor's, or it needs it too often.
    """
    axes = tuple(tirx.Var(f"o{k}", size.ty) for k, size in enumerate(output.shape))
    stands_for = tirx.Var("anchor", "float32")
    reads = 0

    def inlined(load: Any) -> Any:
        nonlocal reads
        if load.source.same_as(anchor):
            reads += 1
            if reads > MOST_READS or len(load.indices) != len(axes):
                raise UnlikeError("the epilogue is too intricate")
            if not all(_same(found, axis) for found, axis in zip(load.indices, axes, strict=True)):
                raise UnlikeError("the epilogue mixes elements")
            return stands_for
        if load.source not in definitions:
            return load
        inner = definitions[load.source]
        value = substitute(inner.value, dict(zip(inner.axes, load.indices, strict=True)))
        return tvm_ffi.structural_map(value, (TensorLoad, inlined))

    return Epilogue(
        axes=axes, anchor=stands_for, value=inlined(tirx.BufferLoad(output, list(axes)))
    )


def substitute(expression: Any, values: Mapping[Any, Any]) -> Any:
    """The expression with variables replaced."""
    return tvm_ffi.structural_map(
        expression, (tirx.Var, lambda variable: values.get(variable, variable))
    )


def _of_type(index: Any, axis: Any) -> Any:
    return index if index.ty == axis.ty else tirx.Cast(axis.ty, index)


def _same(index: Any, axis: Any) -> bool:
    return bool(tvm_ffi.structural_equal(index, axis))
