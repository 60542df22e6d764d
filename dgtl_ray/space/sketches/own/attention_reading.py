"""Reads an attention out of a task's program.

The program is of the form of `attention_program`, or it is `UnlikeError`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tvm
import tvm_ffi
from tvm import sym, te, tirx
from tvm.ir.expr import TensorLoad

from dgtl_ray.space.sketches.own.attention_program import (
    BIASED,
    COMPUTATIONS,
    MIXED,
    RESULT,
    SCORES,
    AttentionShape,
    attention,
)
from dgtl_ray.space.sketches.own.epilogue import Definition, UnlikeError, substitute


@dataclass(frozen=True, kw_only=True)
class Operand:
    """An operand's element as an expression of the task's arguments.

    Attributes:
        axes: (example, head, token, channel).
        value: Of the element.
    """

    axes: tuple[Any, ...]
    value: Any

    def at(self, *indices: Any) -> Any:
        """The element at these indices."""
        return substitute(self.value, dict(zip(self.axes, indices, strict=True)))


@dataclass(frozen=True, kw_only=True)
class AttentionTask:
    """What a task's program computes.

    Attributes:
        shape: Sizes.
        operands: Query, key, value, and bias where there is one.
        parameters: The task's arguments, the output last.
        attributes: Of the task's function.
    """

    shape: AttentionShape
    operands: tuple[Operand, ...]
    parameters: tuple[Any, ...]
    attributes: Mapping[str, Any]


def read_attention(module: Any) -> AttentionTask:
    """The attention that a program is.

    Raises:
        UnlikeError: It is none.
    """
    main = module["main"]
    nests = _nests(main)
    blocks = [_block_of(nest) for nest in nests]
    names = [str(block.name_hint) for block in blocks]
    if SCORES not in names or names[-1] != RESULT or MIXED not in names:
        raise UnlikeError("it is no attention")
    of = dict(zip(names, blocks, strict=True))
    shape = _shape(of[SCORES], of[MIXED], of[RESULT], biased=BIASED in of)
    core = [nest for nest, name in zip(nests, names, strict=True) if name in COMPUTATIONS]
    expected = _nests(_canonical(shape))
    if not tvm_ffi.structural_equal(tirx.SeqStmt(core), tirx.SeqStmt(expected), map_free_vars=True):
        raise UnlikeError("it is attention of another form")
    operands = [block for name, block in of.items() if name not in COMPUTATIONS]
    definitions = {block.body.buffer: _definition(block) for block in operands}
    loads = [*_factors(of[SCORES]), _factors(of[MIXED])[1]]
    if shape.biased:
        loads.append(of[BIASED].body.value.b)
    parameters = tuple(main.params)
    return AttentionTask(
        shape=shape,
        operands=tuple(_operand(load.source, definitions, parameters) for load in loads),
        parameters=parameters,
        attributes=dict(main.attrs.items()),
    )


def _nests(function: Any) -> list[Any]:
    """The loop nests of a function, one after another."""
    root = getattr(getattr(function.body, "block", None), "body", None)
    return list(root.seq) if isinstance(root, tirx.SeqStmt) else [root]


def _block_of(nest: Any) -> Any:
    """The block of a loop nest."""
    while isinstance(nest, tirx.For):
        nest = nest.body
    block = getattr(nest, "block", None)
    if block is None or not isinstance(block.body, tirx.BufferStore):
        raise UnlikeError("it is no sequence of simple loop nests")
    return block


def _shape(scores: Any, mixed: Any, result: Any, *, biased: bool) -> AttentionShape:
    if len(scores.iter_vars) != 5 or len(mixed.iter_vars) != 5:
        raise UnlikeError("it is attention of another rank")
    batch, heads, tokens, others, width = (int(v.dom.extent) for v in scores.iter_vars)
    return AttentionShape(
        batch=batch,
        heads=heads,
        tokens=tokens,
        others=others,
        width=width,
        out=int(mixed.iter_vars[3].dom.extent),
        biased=biased,
        merged=len(result.iter_vars) == 3,
    )


def _canonical(shape: AttentionShape) -> Any:
    """The program of an attention whose operands are arguments."""
    front = (shape.batch, shape.heads)
    rest = [
        (shape.tokens, shape.width),
        (shape.others, shape.width),
        (shape.others, shape.out),
        *([(shape.tokens, shape.others)] if shape.biased else []),
    ]
    operands = [te.placeholder((*front, *sizes), "float32", name="operand") for sizes in rest]
    result = attention(shape, operands)
    return te.create_prim_func([*operands, result], index_dtype_override="int64")


def _definition(block: Any) -> Definition:
    axes = tuple(axis.var for axis in block.iter_vars)
    indices = block.body.indices
    same = len(indices) == len(axes) and all(
        index.same_as(axis) for index, axis in zip(indices, axes, strict=True)
    )
    if not same or block.init is not None:
        raise UnlikeError("an operand is more than moved elements")
    return Definition(axes=axes, value=block.body.value)


def _factors(block: Any) -> tuple[Any, Any]:
    product = block.body.value.b
    return product.a, product.b


def _operand(
    buffer: Any, definitions: Mapping[Any, Definition], parameters: Sequence[Any]
) -> Operand:
    """A buffer's element, everything between it and the arguments inlined."""
    axes = tuple(tirx.Var(f"a{k}", "int64") for k in range(len(buffer.shape)))

    def inlined(load: Any) -> Any:
        if any(load.source.same_as(parameter) for parameter in parameters):
            return load
        inner = definitions.get(load.source)
        if inner is None:
            raise UnlikeError("an operand is not computed from arguments")
        value = substitute(inner.value, dict(zip(inner.axes, load.indices, strict=True)))
        return tvm_ffi.structural_map(value, (TensorLoad, inlined))

    value = inlined(tirx.BufferLoad(buffer, list(axes)))
    analyzer = sym.Analyzer()
    for axis, size in zip(axes, buffer.shape, strict=True):
        analyzer.bind(axis, tirx.IntImm("int64", 0) if int(size) == 1 else _range(size))
    return Operand(axes=axes, value=analyzer.simplify(value))


def _range(size: Any) -> Any:
    return tvm.ir.Range(tirx.IntImm("int64", 0), tirx.IntImm("int64", int(size)))
