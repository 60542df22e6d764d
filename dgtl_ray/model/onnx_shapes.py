"""The shapes of an ONNX file's inputs: its own, or given, or 1 where only a batch can be meant."""

from collections.abc import Iterator
from typing import Any

from onnx import ModelProto, TypeProto
from onnx.helper import tensor_dtype_to_np_dtype

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.shapes import Shapes
from dgtl_ray.core.task import TensorSpec


def fix_shapes(path: str, model: ModelProto, shapes: Shapes) -> tuple[str, ...]:
    """Write a size into every dimension of the inputs; what was inferred before is taken out.

    Returns:
        What was assumed, a sentence each.

    Raises:
        InputError: A dimension stays open, or what is given does not fit the file.
    """
    inputs = graph_inputs(model)
    _check_given(path, inputs, shapes)
    notes: list[str] = []
    changed = False
    for name, value in inputs.items():
        if not value.type.tensor_type.HasField("shape") and name not in shapes.inputs:
            kind = value.type.WhichOneof("value")
            what = "no shape" if kind == "tensor_type" else "no tensor"
            raise InputError(
                f"{path}: input {name!r} is not a tensor of known shape ({what} in the file)"
                + (f": give it, as in --shape {name}=1,3,224,224" if what == "no shape" else "")
            )
        sizes = _sizes(path, value, shapes, notes)
        changed = changed or list(sizes) != _fixed(value.type)
        _write(value.type, sizes)
    if changed:
        # Sizes that the file tells of what lies behind may follow from those it left open.
        _forget(model)
    return tuple(notes)


def input_specs(model: ModelProto) -> dict[str, TensorSpec]:
    """Shape and dtype of each input, by name; its shapes must have been fixed."""
    return {
        name: TensorSpec(
            shape=tuple(_fixed(value.type)),
            dtype=str(tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)),
        )
        for name, value in graph_inputs(model).items()
    }


def graph_inputs(model: ModelProto) -> dict[str, Any]:
    """The inputs that are no weights, by name."""
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    return {value.name: value for value in model.graph.input if value.name not in weights}


def _check_given(path: str, inputs: dict[str, Any], shapes: Shapes) -> None:
    for name in shapes.inputs:
        if name not in inputs:
            raise InputError(f"{path} has no input {name!r}: it has {', '.join(map(repr, inputs))}")
    named = {dim.dim_param for value in inputs.values() for dim in _dims(value.type)} - {""}
    for name in shapes.dims:
        if name not in named:
            known = ", ".join(sorted(map(repr, named))) or "none with a name"
            raise InputError(f"{path} has no dimension {name!r}: its inputs have {known}")


def _sizes(path: str, value: Any, shapes: Shapes, notes: list[str]) -> tuple[int, ...]:
    if value.name in shapes.inputs:
        given = shapes.inputs[value.name]
        _check_fits(path, value, given)
        return given
    return tuple(
        _size(path, value, axis, dim, shapes, notes)
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
    )


def _check_fits(path: str, value: Any, given: tuple[int, ...]) -> None:
    dims = list(_dims(value.type))
    known = value.type.tensor_type.HasField("shape")
    wrong = known and len(dims) != len(given)
    pairs = zip(dims, given, strict=False)
    if wrong or any(dim.dim_value > 0 and dim.dim_value != size for dim, size in pairs):
        raise InputError(
            f"{path}: --shape {value.name}={','.join(map(str, given))} does not fit the input, "
            f"which is {_shown(value)}"
        )


def _size(path: str, value: Any, axis: int, dim: Any, shapes: Shapes, notes: list[str]) -> int:
    if dim.HasField("dim_value") and dim.dim_value > 0:
        return int(dim.dim_value)
    if dim.dim_param in shapes.dims:
        return shapes.dims[dim.dim_param]
    if axis == 0 and len(value.type.tensor_type.shape.dim) > 1:
        named = f"--dim {dim.dim_param}=8" if dim.dim_param else _example(value)
        notes.append(
            f"the first dimension of input {value.name!r} has no size in the file: 1 is taken "
            f"(for another: {named})"
        )
        return 1
    named = f"--dim {dim.dim_param}=128, or " if dim.dim_param else ""
    raise InputError(
        f"{path}: input {value.name!r} is {_shown(value)}, and its dimension {axis} has no size: "
        f"give one with {named}{_example(value)}"
    )


def _example(value: Any) -> str:
    sizes = [dim.dim_value if dim.dim_value > 0 else 1 if axis == 0 else 128
             for axis, dim in enumerate(_dims(value.type))]  # fmt: skip
    return f"--shape {value.name}={','.join(map(str, sizes))}"


def _shown(value: Any) -> str:
    parts = [str(d.dim_value) if d.dim_value > 0 else d.dim_param or "?" for d in _dims(value.type)]
    return f"({', '.join(parts)})"


def _dims(kind: TypeProto) -> Iterator[Any]:
    yield from kind.tensor_type.shape.dim


def _fixed(kind: TypeProto) -> list[int]:
    return [int(dim.dim_value) for dim in _dims(kind)]


def _write(kind: TypeProto, sizes: tuple[int, ...]) -> None:
    shape = kind.tensor_type.shape
    shape.Clear()
    kind.tensor_type.shape.SetInParent()
    for size in sizes:
        shape.dim.add().dim_value = size


def _forget(model: ModelProto) -> None:
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
