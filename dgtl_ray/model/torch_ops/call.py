"""One operator call of an exported network, as its converter sees it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx
from tvm import relax

from dgtl_ray.model.folding import static_shape


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call, with torch's word on what comes out.

    Attributes:
        node: The call in the exported graph.
        args: Its arguments in the order of the operator's schema, defaults filled in; tensors are
            relax expressions.
        metas: The same, tensors as torch's fake tensors.
        emit: Binds an expression in the function that is being built.
    """

    node: fx.Node
    args: tuple[Any, ...]
    metas: tuple[Any, ...]
    emit: Callable[[Any], Any]

    @property
    def result(self) -> Any:
        """What torch returns: a fake tensor, or a tuple of them."""
        return self.node.meta["val"]

    @property
    def dtype(self) -> str:
        """The result's dtype, as TVM calls it."""
        return tvm_dtype(self.result.dtype)

    def cast(self, x: Any, dtype: str) -> Any:
        """`x`, a tensor or a Python number, as a tensor of a dtype."""
        if not isinstance(x, relax.Expr):
            return relax.const(x, dtype)
        return x if dtype_of(x) == dtype else self.emit(relax.op.astype(x, dtype))


Converter = Callable[[Call], Any]


def tvm_dtype(dtype: torch.dtype) -> str:
    """What TVM calls one of torch's dtypes."""
    return str(dtype).removeprefix("torch.")


def dtype_of(x: Any) -> str:
    """The dtype of a relax tensor."""
    return str(x.ty.dtype)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a relax tensor, which is fixed."""
    return tuple(static_shape(x.ty))


def axis_of(dim: int, rank: int) -> int:
    """An axis counted from the front."""
    return dim % rank if rank else 0


def per_axis(values: Any, axes: int) -> list[int]:
    """One value for each axis, of a list that may have one for all."""
    return list(values) * axes if len(values) == 1 else list(values)


def constant(values: Any, dtype: str) -> Any:
    """A tensor whose values are known now."""
    return relax.const(np.asarray(values), dtype)


def bind(node: fx.Node, look_up: Callable[[fx.Node], Any]) -> tuple[Any, ...]:
    """A call's arguments in the order of its schema, nodes replaced by what `look_up` has."""
    schema = node.target._schema.arguments  # type: ignore[union-attr] # noqa: SLF001
    return tuple(
        _replace(
            node.args[place]
            if place < len(node.args)
            else node.kwargs.get(argument.name, argument.default_value),
            look_up,
        )
        for place, argument in enumerate(schema)
    )


def _replace(value: Any, look_up: Callable[[fx.Node], Any]) -> Any:
    if isinstance(value, fx.Node):
        return look_up(value)
    if isinstance(value, Mapping):
        return {key: _replace(part, look_up) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return type(value)(_replace(part, look_up) for part in value)  # type: ignore[call-arg]
    return value
