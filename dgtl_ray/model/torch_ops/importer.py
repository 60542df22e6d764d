"""TVM's importer of exported networks, with our converters and a check of every result."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx
from tvm import relax
from tvm.relax.frontend.torch.exported_program_translator import ExportedProgramImporter

from dgtl_ray.core.errors import InputError, first_line
from dgtl_ray.model.torch_ops.call import Call, Converter, bind, dtype_of, shape_of, tvm_dtype
from dgtl_ray.model.torch_ops.converters import CONVERTERS
from dgtl_ray.model.torch_ops.decompositions import decompose
from dgtl_ray.model.torch_ops.known import known_values
from dgtl_ray.model.torch_ops.results import keep_tensors
from dgtl_ray.model.torch_ops.where import described, operator_name


class RandomNetworkError(InputError):
    """A network draws random numbers: no way in makes its answers repeatable."""


def import_exported(exported: Any) -> Any:
    """An exported network as a relax module with one function `main`, its weights bound.

    Raises:
        RandomNetworkError: It draws random numbers.
        InputError: An operator cannot be imported; the message names it and the line that calls it.
    """
    decomposed = decompose(exported)
    keep_tensors(decomposed)
    _refuse_randomness(decomposed.graph.nodes)
    return _Importer(known_values(decomposed)).from_exported_program(
        decomposed,
        keep_params_as_input=False,
        unwrap_unit_return_tuple=True,
        no_bind_return_tuple=False,
        custom_convert_map=None,
    )


class _Importer(ExportedProgramImporter):  # type: ignore[misc]
    """Calls our converters where there are any, and refuses a result that torch does not have."""

    def __init__(self, known: dict[fx.Node, torch.Tensor]) -> None:
        self._known = known
        super().__init__()

    def create_convert_map(self) -> dict[Any, Callable[..., Any]]:
        """TVM's converters and ours, by operator, each one checked."""
        theirs = super().create_convert_map()
        ours = {
            name: self._adapted(convert, theirs.get(name)) for name, convert in CONVERTERS.items()
        }
        converters = {name: self._checked(convert) for name, convert in {**theirs, **ours}.items()}
        return {**dict.fromkeys(map(_key, self._known), self._known_value), **converters}

    def _check_unsupported_func_type(self, nodes: Iterable[fx.Node]) -> None:
        missing = {
            operator_name(node): described(node)
            for node in nodes
            if node.op == "call_function"
            and node not in self._known
            and (_key(node) not in self.convert_map)
        }
        if missing:
            raise InputError("no support for the operators " + ", ".join(missing.values()))

    def _known_value(self, node: fx.Node) -> Any:
        if node not in self._known:
            raise InputError(f"no support for the operators {described(node)}")
        value = self._known[node]
        return relax.const(value.numpy(), tvm_dtype(value.dtype))

    def _adapted(
        self, convert: Converter, otherwise: Callable[..., Any] | None
    ) -> Callable[[fx.Node], Any]:
        def adapted(node: fx.Node) -> Any:
            call = Call(
                node=node,
                args=bind(node, self.env.__getitem__),
                metas=bind(node, lambda argument: argument.meta.get("val")),
                emit=self.block_builder.emit,
            )
            value = convert(call)
            if value is NotImplemented and otherwise is not None:
                return otherwise(node)
            return value

        return adapted

    def _checked(self, convert: Callable[[fx.Node], Any]) -> Callable[[fx.Node], Any]:
        def checked(node: fx.Node) -> Any:
            if node in self._known:
                return self._known_value(node)
            try:
                value = convert(node)
            except Exception as error:  # of TVM's converters, whatever they raise
                raise InputError(f"{described(node)}: {first_line(error)}") from error
            return self._as_torch_has_it(node, value)

        return checked

    def _as_torch_has_it(self, node: fx.Node, value: Any) -> Any:
        """The value in torch's dtypes.

        Raises:
            InputError: It has another shape.
        """
        expected = node.meta.get("val")
        if isinstance(expected, torch.Tensor) and _is_tensor(value):
            return self._same(node, value, expected)
        fields = getattr(getattr(value, "ty", None), "fields", None)
        if isinstance(expected, tuple | list) and fields is not None:
            return self._same_tuple(node, value, expected)
        return value

    def _same_tuple(self, node: fx.Node, value: Any, expected: Any) -> Any:
        parts = [
            self.block_builder.emit(relax.TupleGetItem(value, place))
            for place in range(len(value.ty.fields))
        ]
        return tuple(
            self._same(node, part, want) if isinstance(want, torch.Tensor) else part
            for part, want in zip(parts, expected, strict=False)
        )

    def _same(self, node: fx.Node, value: Any, expected: torch.Tensor) -> Any:
        if value.ty.shape is None or shape_of(value) != tuple(expected.shape):
            raise InputError(
                f"{described(node)}: TVM's converter gives {value.ty.shape} where torch has "
                f"{list(expected.shape)}"
            )
        if dtype_of(value) == tvm_dtype(expected.dtype):
            return value
        return self.block_builder.emit(relax.op.astype(value, tvm_dtype(expected.dtype)))


def _is_tensor(value: Any) -> bool:
    return isinstance(value, relax.Expr) and isinstance(value.ty, relax.TensorType)


def _key(node: fx.Node) -> str:
    return str(getattr(node.target, "__name__", node.target))


def _refuse_randomness(nodes: Iterable[fx.Node]) -> None:
    for node in nodes:
        tags = getattr(node.target, "tags", ())
        if torch.Tag.nondeterministic_seeded in tags and node.users:
            raise RandomNetworkError(
                "the network's answers change from run to run: "
                f"{described(node)} draws random numbers. Switch dropout off, or make the noise "
                "an input"
            )
