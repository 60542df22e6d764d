"""Reads a task's program as one contraction with what is before and behind it.

What does not fit exactly is `UnlikeError`: the task is then left to TVM's own sketches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import sym, tirx
from tvm.ir.expr import TensorLoad
from tvm.s_tir import Schedule

from dgtl_ray.space.sketches.own.epilogue import (
    Definition,
    Epilogue,
    UnlikeError,
    read_epilogue,
    substitute,
)

# Of a program: which of its arguments are weights, whose order in memory is free.
_WEIGHTS = "layout_free_buffers"
_SPATIAL, _REDUCTION = 0, 2  # TVM's IterVar.DataPar and IterVar.CommReduce


@dataclass(frozen=True, kw_only=True)
class Operand:
    """What the contraction reads: a buffer and the index of each dimension.

    Attributes:
        buffer: An argument of the task.
        rows: For each dimension what one step along each axis adds to its index.
        offsets: For each dimension its index where all axes are 0: below 0 in the padding.
    """

    buffer: Any
    rows: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the buffer."""
        return shape_of(self.buffer)


@dataclass(frozen=True, kw_only=True)
class Contraction:
    """output[spatial axes] = epilogue(Σ over the reduction axes of source · weight), in float32.

    Attributes:
        extents: Of each axis, spatial ones first; the spatial axes are the output's dimensions.
        spatial: How many of them are spatial.
        source: The activations; elements outside of them count 0.
        weight: The weights.
        weight_at: Position of the weights among the task's arguments.
        epilogue: What follows.
        parameters: The task's arguments, the output last.
        attributes: Of the task's function, that of its weights' order left out.
    """

    extents: tuple[int, ...]
    spatial: int
    source: Operand
    weight: Operand
    weight_at: int
    epilogue: Epilogue
    parameters: tuple[Any, ...]
    attributes: Mapping[str, Any]

    @property
    def output(self) -> Any:
        """The buffer that it writes."""
        return self.parameters[-1]


def shape_of(buffer: Any) -> tuple[int, ...]:
    """A buffer's static shape."""
    return tuple(int(size) for size in buffer.shape)


def read_contraction(module: Any) -> Contraction:
    """The contraction that a task's program is.

    Raises:
        UnlikeError: It is none, or its weights are not marked as such.
    """
    main = module["main"]
    state = Schedule(module, debug_mask="none")
    blocks = [state.get(h) for h in state.get_child_blocks(state.get_sblock("root"))]
    anchors = [block for block in blocks if block.init is not None]
    if len(anchors) != 1 or any(str(p.dtype) != "float32" for p in main.params):
        raise UnlikeError("it has no, or several, reductions, or is not in float32")
    anchor, axes = anchors[0], _axes(anchors[0])
    definitions = {b.body.buffer: _definition(b) for b in blocks if b.init is None}
    first, second = _factors(anchor)
    weight_at = [_weight_at(main, load.source) for load in (first, second)]
    if (weight_at[0] < 0) == (weight_at[1] < 0):
        raise UnlikeError("not one of its operands is a weight")
    source, weight = (first, second) if weight_at[0] < 0 else (second, first)
    spatial = [axis for axis in anchor.iter_vars if int(axis.iter_type) == _SPATIAL]
    if not _are(anchor.body.indices, [axis.var for axis in spatial]):
        raise UnlikeError("its output's dimensions are not its axes")
    output = main.params[-1]
    if shape_of(output) != tuple(int(axis.dom.extent) for axis in spatial):
        raise UnlikeError("its output has another shape than its anchor's")
    epilogue = read_epilogue(output, anchor.body.buffer, definitions)
    if epilogue.reads(weight.source):
        raise UnlikeError("its weights are read in two ways")
    return Contraction(
        extents=tuple(int(axis.dom.extent) for axis in axes),
        spatial=len(spatial),
        source=_source(source, axes, main.params, definitions),
        weight=_operand(weight, axes),
        weight_at=max(weight_at),
        epilogue=epilogue,
        parameters=tuple(main.params),
        attributes={str(k): v for k, v in main.attrs.items() if str(k) != _WEIGHTS},
    )


def _axes(block: Any) -> list[Any]:
    """Its axes, spatial ones first."""
    if any(int(axis.iter_type) not in (_SPATIAL, _REDUCTION) for axis in block.iter_vars):
        raise UnlikeError("it has axes of another kind")
    return sorted(block.iter_vars, key=lambda axis: int(axis.iter_type))


def _definition(block: Any) -> Definition:
    axes = tuple(axis.var for axis in block.iter_vars)
    if not isinstance(block.body, tirx.BufferStore) or not _are(block.body.indices, axes):
        raise UnlikeError("a block fills its buffer in another order than its axes'")
    return Definition(axes=axes, value=block.body.value)


def _factors(block: Any) -> tuple[Any, Any]:
    """The two loads whose product is summed, from zero on."""
    body, start = block.body, block.init
    if not isinstance(body, tirx.BufferStore) or not isinstance(body.value, tirx.Add):
        raise UnlikeError("its anchor is no sum")
    before, product = body.value.a, body.value.b
    fits = (
        isinstance(start, tirx.BufferStore)
        and isinstance(start.value, tirx.FloatImm)
        and float(start.value) == 0.0
        and isinstance(before, TensorLoad)
        and before.source.same_as(body.buffer)
        and _are(before.indices, body.indices)
        and isinstance(product, tirx.Mul)
        and isinstance(product.a, TensorLoad)
        and isinstance(product.b, TensorLoad)
    )
    if not fits:
        raise UnlikeError("its anchor does not sum products")
    return product.a, product.b


def _weight_at(main: Any, buffer: Any) -> int:
    """Position of a weight among the arguments, -1 of anything else."""
    marked = [int(k) for k in (main.attrs or {}).get(_WEIGHTS, [])]
    return next((k for k in marked if main.params[k].same_as(buffer)), -1)


def _operand(load: Any, axes: Sequence[Any]) -> Operand:
    variables = [axis.var for axis in axes]
    rows, offsets = [], []
    for position in load.indices:
        linear = sym.detect_linear_equation(position, variables)
        if not linear or not all(isinstance(part, tirx.IntImm) for part in linear):
            raise UnlikeError("an index is not affine")
        *steps, offset = (int(part) for part in linear)
        rows.append(tuple(steps))
        offsets.append(offset)
    return Operand(buffer=load.source, rows=tuple(rows), offsets=tuple(offsets))


def _source(
    load: Any, axes: Sequence[Any], parameters: Sequence[Any], definitions: Mapping[Any, Definition]
) -> Operand:
    """The activations, blocks that pad them with zeros seen through."""
    operand = _operand(load, axes)
    while not any(parameter.same_as(operand.buffer) for parameter in parameters):
        padding = definitions.get(operand.buffer)
        if padding is None:
            raise UnlikeError("its input is no argument")
        buffer, before = _padded(padding, operand.shape)
        offsets = tuple(o - b for o, b in zip(operand.offsets, before, strict=True))
        operand = Operand(buffer=buffer, rows=operand.rows, offsets=offsets)
    return operand


def _padded(padding: Definition, shape: Sequence[int]) -> tuple[Any, list[int]]:
    """The buffer that a block pads, and how far it lies from the padded one's start.

    Args:
        padding: The block.
        shape: Of the padded buffer.
    """
    condition, load = _padding_parts(padding.value)
    if len(load.indices) != len(shape):
        raise UnlikeError("its padding changes dimensions")
    before = []
    for position, axis in zip(load.indices, padding.axes, strict=True):
        linear = sym.detect_linear_equation(position, [axis])
        if not linear or not all(isinstance(part, tirx.IntImm) for part in linear):
            raise UnlikeError("its padding moves elements")
        if int(linear[0]) != 1:
            raise UnlikeError("its padding moves elements")
        before.append(-int(linear[1]))
    _check_inside(condition, padding.axes, before, shape_of(load.source), shape)
    return load.source, before


def _padding_parts(value: Any) -> tuple[Any, Any]:
    """The condition under which an element is copied, zero where it does not hold, and the copy."""
    if isinstance(value, TensorLoad):
        return tirx.IntImm("bool", 1), value
    if str(getattr(getattr(value, "op", None), "name", "")) != "prim.if_then_else":
        raise UnlikeError("its input is computed before")
    condition, load, otherwise = value.args
    zero = isinstance(otherwise, tirx.FloatImm) and float(otherwise) == 0.0
    if not zero or not isinstance(load, TensorLoad):
        raise UnlikeError("its input is padded with something else than zeros")
    return condition, load


def _check_inside(
    condition: Any,
    axes: Sequence[Any],
    before: Sequence[int],
    inner: Sequence[int],
    outer: Sequence[int],
) -> None:
    """Hold the condition to be true inside the inner box and nowhere else, at its borders."""
    ranges = [range(b, b + size) for b, size in zip(before, inner, strict=True)]
    for at, (inside, size) in enumerate(zip(ranges, outer, strict=True)):
        if inside.start < 0 or inside.stop > size:
            raise UnlikeError("its padding crops")
        borders = {0, inside.start - 1, inside.start, inside.stop - 1, inside.stop, size - 1}
        for tried in borders & set(range(size)):
            point = [tried if k == at else r.start for k, r in enumerate(ranges)]
            values = {
                axis: tirx.IntImm(axis.ty, value) for axis, value in zip(axes, point, strict=True)
            }
            held = sym.Analyzer().simplify(substitute(condition, values))
            if not isinstance(held, tirx.IntImm) or bool(held) != (tried in inside):
                raise UnlikeError("its padding is not a frame of zeros")


def _are(indices: Sequence[Any], axes: Sequence[Any]) -> bool:
    """Whether indices are just these variables (or equal loads' indices)."""
    pairs = zip(indices, axes, strict=False)
    return len(indices) == len(axes) and all(index.same_as(axis) for index, axis in pairs)
