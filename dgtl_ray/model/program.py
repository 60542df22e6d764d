"""A layer function as a program of its own: normalised, named, counted, described.

Two functions that compute the same are one task, whatever the network called them; so names that
came from the network are taken out before a function is hashed or scheduled.
"""

import hashlib
import re
from collections.abc import Iterator
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
    """One computation of a program: its name and the extents of its loops, by kind."""

    name: str
    spatial: tuple[int, ...]
    reduction: tuple[int, ...]

    @property
    def iterations(self) -> int:
        """How often its body runs."""
        count = 1
        for extent in (*self.spatial, *self.reduction):
            count *= extent
        return count


def normalised(func: Any) -> Any:
    """A module whose only function, `main`, computes what `func` computes."""
    func = func.without_attr("op_pattern") if "op_pattern" in func.attrs else func
    func = func.with_attr({"global_symbol": "main", "tirx.noalias": True})
    return tvm.IRModule({"main": func.with_body(_renamed(func.body))})


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


def _renamed(stmt: Any) -> Any:
    """The statement with names of the network, and what TVM hung on its blocks, taken out."""
    if isinstance(stmt, tirx.SeqStmt):
        return tirx.SeqStmt([_renamed(part) for part in stmt.seq])
    if isinstance(stmt, tirx.For):
        return tirx.For(
            stmt.loop_var,
            stmt.min,
            stmt.extent,
            stmt.kind,
            _renamed(stmt.body),
            stmt.thread_binding,
            stmt.annotations,
            stmt.step,
        )
    if isinstance(stmt, s_tir.SBlockRealize):
        return s_tir.SBlockRealize(stmt.iter_values, stmt.predicate, _renamed(stmt.block))
    return _renamed_block(stmt) if isinstance(stmt, s_tir.SBlock) else stmt


def _renamed_block(block: Any) -> Any:
    name = _NAMED_AFTER_ARGUMENT.sub(r"reduce\1\2", block.name_hint)
    return s_tir.SBlock(
        block.iter_vars,
        block.reads,
        block.writes,
        name,
        _renamed(block.body),
        block.init,
        block.alloc_buffers,
        block.match_buffers,
        {k: v for k, v in block.annotations.items() if k != _CUSTOM_RULE},
    )


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
        name=str(block.name_hint), spatial=tuple(extents[False]), reduction=tuple(extents[True])
    )


def _static(dim: Any) -> int:
    if isinstance(dim, tirx.IntImm):
        return int(dim)
    raise ValueError(f"dimension {dim} is not static")
