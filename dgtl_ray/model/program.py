"""A layer function as a program of its own: normalised, named, counted, described.

Two functions that compute the same are one task, whatever the network called them; so names that
came from the network are taken out before a function is hashed or scheduled.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import tvm
import tvm_ffi
from tvm import s_tir, tirx

from dgtl_ray.core.task import TensorSpec

# A reduction's block is called after the tensor that it reduces.
_NAMED_AFTER_ARGUMENT = re.compile(r"^.*_red(_temp)?(_\d+)?$")

# Asks for a schedule rule written by hand. There are none, and TVM's own keep away from a block
# that asks.
_CUSTOM_RULE = "schedule_rule"


@dataclass(frozen=True, kw_only=True)
class Block:
    """One computation of a program.

    Attributes:
        name: Its name.
        spatial: Extents of its loops over the output.
        reduction: Extents of its other loops.
        opaque: It is a piece of code that does not say what it writes: nothing can be rearranged.
    """

    name: str
    spatial: tuple[int, ...]
    reduction: tuple[int, ...]
    opaque: bool = False

    @property
    def iterations(self) -> int:
        """How often its body runs."""
        count = 1
        for extent in (*self.spatial, *self.reduction):
            count *= extent
        return count


def normalised(func: Any) -> Any:
    """A module whose only function, `main`, computes what `func` computes, each block by a name.

    Names of blocks that are there once stay: schedules in history find blocks by them.
    """
    func = func.without_attr("op_pattern") if "op_pattern" in func.attrs else func
    func = func.with_attr({"global_symbol": "main", "tirx.noalias": True})
    names = _Names(_new_name(block.name_hint) for block in _every_block(func.body))
    return tvm.IRModule({"main": func.with_body(_renamed(func.body, names))})


class _Names:
    """Gives out the names of a program's blocks in turn, numbered where one is used again."""

    def __init__(self, names: Iterable[str]) -> None:
        self._wanted = tuple(names)
        self._taken = set(self._wanted)
        self._given: set[str] = set()
        self._turn = iter(self._wanted)

    def next(self) -> str:
        """The name of the next block."""
        wanted = name = next(self._turn)
        number = 1
        while name in self._given or (name != wanted and name in self._taken):
            name = f"{wanted}_{number}"
            number += 1
        self._given.add(name)
        return name


def workload_key(func: Any) -> str:
    """What identifies a layer function's program across networks, processes and machines.

    A hash of its structure and of its blocks' names, by which a stored schedule finds them.

    Returns:
        32 hexadecimal digits.
    """
    module = normalised(func)
    structure = tvm_ffi.structural_hash(module) % 2**64
    names = ",".join(block.name for block in blocks(module["main"]))
    return hashlib.sha256(f"{structure:016x}:{names}".encode()).hexdigest()[:32]


def blocks(func: Any) -> tuple[Block, ...]:
    """The computations of an unscheduled function, in the order in which they run."""
    return tuple(_describe(block) for block in _leaf_blocks(func.body))


def arguments(func: Any) -> tuple[TensorSpec, ...]:
    """Shapes and dtypes of a function's buffers, inputs before outputs.

    Raises:
        ValueError: A shape is not known before the network runs.
    """
    return tuple(
        TensorSpec(shape=tuple(_static(dim) for dim in buffer.shape), dtype=str(buffer.dtype))
        for buffer in func.params
    )


def flop(func: Any) -> float:
    """Floating-point operations of one run; a multiply-add counts two."""
    return float(s_tir.analysis.estimate_tir_flops(normalised(func)))


def _renamed(stmt: Any, names: _Names) -> Any:
    """The statement with names of the network, and what TVM hung on its blocks, taken out."""
    if isinstance(stmt, tirx.SeqStmt):
        return tirx.SeqStmt([_renamed(part, names) for part in stmt.seq])
    if isinstance(stmt, tirx.For):
        return tirx.For(
            stmt.loop_var,
            stmt.min,
            stmt.extent,
            stmt.kind,
            _renamed(stmt.body, names),
            stmt.thread_binding,
            stmt.annotations,
            stmt.step,
        )
    if isinstance(stmt, s_tir.SBlockRealize):
        return s_tir.SBlockRealize(
            stmt.iter_values, stmt.predicate, _renamed_block(stmt.block, names)
        )
    return stmt


def _renamed_block(block: Any, names: _Names) -> Any:
    return s_tir.SBlock(
        block.iter_vars,
        block.reads,
        block.writes,
        names.next(),
        _renamed(block.body, names),
        block.init,
        block.alloc_buffers,
        block.match_buffers,
        {k: v for k, v in block.annotations.items() if k != _CUSTOM_RULE},
    )


def _new_name(name: str) -> str:
    return _NAMED_AFTER_ARGUMENT.sub(r"reduce\1\2", name)


def _every_block(stmt: Any) -> Iterator[Any]:
    """Every block that `_renamed` comes to, in its order."""
    if isinstance(stmt, tirx.SeqStmt):
        for part in stmt.seq:
            yield from _every_block(part)
    elif isinstance(stmt, tirx.For):
        yield from _every_block(stmt.body)
    elif isinstance(stmt, s_tir.SBlockRealize):
        yield stmt.block
        yield from _every_block(stmt.block.body)


def _leaf_blocks(stmt: Any) -> Iterator[Any]:
    if isinstance(stmt, tirx.SeqStmt):
        for part in stmt.seq:
            yield from _leaf_blocks(part)
    elif isinstance(stmt, tirx.For):
        yield from _leaf_blocks(stmt.body)
    elif isinstance(stmt, s_tir.SBlockRealize):
        inner = tuple(_leaf_blocks(stmt.block.body))
        yield from inner or (stmt.block,)


def _describe(block: Any) -> Block:
    extents: dict[bool, list[int]] = {True: [], False: []}
    for var in block.iter_vars:
        extents[var.iter_type == tirx.IterVar.CommReduce].append(_static(var.dom.extent))
    return Block(
        name=str(block.name_hint),
        spatial=tuple(extents[False]),
        reduction=tuple(extents[True]),
        opaque=not block.writes,
    )


def _static(dim: Any) -> int:
    if isinstance(dim, tirx.IntImm):
        return int(dim)
    raise ValueError(f"dimension {dim} is not static")
