"""Statements of TIR, written briefly: loops, vectors, bindings, scratch.

Indices are 64-bit, as those of the tasks' programs are; TVM narrows what it can.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

from tvm import tirx
from tvm.s_tir import SBlock, SBlockRealize
from tvm.tirx import (
    AllocBuffer,
    Bind,
    Broadcast,
    BufferLoad,
    BufferStore,
    FloatImm,
    For,
    ForKind,
    IfThenElse,
    IntImm,
    PrimFunc,
    Ramp,
    SeqStmt,
    Var,
)

Expr: TypeAlias = Any
Stmt: TypeAlias = Any
Buffer: TypeAlias = Any

INDEX, FLOAT = "int64", "float32"


def index(value: int) -> Expr:
    """An index that is known."""
    return IntImm(INDEX, value)


def number(value: float) -> Expr:
    """A float32."""
    return FloatImm(FLOAT, float(value))


def loop(
    name: str, extent: int, body: Callable[[Expr], Stmt], kind: ForKind = ForKind.SERIAL
) -> Stmt:
    """`body` for each index below `extent`; without a loop where there is only one."""
    if extent == 1:
        return body(index(0))
    variable = Var(name, INDEX)
    return For(variable, index(0), index(extent), kind, body(variable))


def sequence(statements: Sequence[Stmt]) -> Stmt:
    """The statements one after another."""
    return statements[0] if len(statements) == 1 else SeqStmt(list(statements))


def when(conditions: Sequence[Expr], then: Stmt, otherwise: Stmt | None = None) -> Stmt:
    """`then` where all conditions hold; always, where there are none."""
    if not conditions:
        return then
    return IfThenElse(tirx.all(*conditions), then, otherwise)


class Block:
    """Collects statements; what it binds is visible to those that follow."""

    def __init__(self) -> None:
        self._statements: list[Stmt] = []
        self._numbers = count()

    def bind(self, value: Expr, name: str = "t") -> Expr:
        """A name for a value that is used more than once."""
        variable = Var(f"{name}_{next(self._numbers)}", value.ty)
        self._statements.append(Bind(variable, value))
        return variable

    def scratch(self, elements: int, name: str, *, registers: bool = False) -> Buffer:
        """Memory of this block: (elements,) of float32; `registers` for a few, at known indices."""
        scope = "local" if registers else "global"
        buffer = tirx.decl_buffer((index(elements),), FLOAT, name=name, scope=scope)
        self._statements.append(AllocBuffer(buffer))
        return buffer

    def add(self, *statements: Stmt) -> None:
        """Statements that follow."""
        self._statements += statements

    def done(self) -> Stmt:
        """All of it."""
        return sequence(self._statements)


def vector(base: Expr | int, lanes: int) -> Expr:
    """The indices of `lanes` neighbours."""
    first = index(base) if isinstance(base, int) else base
    return Ramp(first, index(1), lanes)


def load(buffer: Buffer, *indices: Expr) -> Expr:
    """An element, or a vector where the last index is one."""
    return BufferLoad(buffer, list(indices))


def store(buffer: Buffer, value: Expr, *indices: Expr) -> Stmt:
    """Write an element, or a vector."""
    return BufferStore(buffer, value, list(indices))


def spread(value: Expr, lanes: int) -> Expr:
    """The same number in every lane."""
    return Broadcast(value, lanes)


def function(parameters: Sequence[Buffer], body: Stmt) -> PrimFunc:
    """A function whose arguments do not overlap."""
    return PrimFunc(list(parameters), body).with_attr({"s_tir": True, "tirx.noalias": True})


def with_root(function: PrimFunc) -> PrimFunc:
    """The function with its body in a block.

    TVM asks of every function of one input whether it only reshapes it, and takes for granted that
    there is a block to look at.
    """
    root = SBlock([], [], [], "root", function.body)
    return function.with_body(SBlockRealize([], True, root))
