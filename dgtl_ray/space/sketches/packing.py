"""Weights packed into the order in which a schedule reads them.

The program says which arguments are weights, by the attribute `layout_free_buffers`. TVM's
postprocessor finds the order, and puts a block before the program that copies the weight into it.
Here that block becomes a function of its own, which runs once, when the network is compiled.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import tvm
from tvm.error import InternalError
from tvm.s_tir import SBlock, SBlockRealize, Schedule
from tvm.s_tir import meta_schedule as ms
from tvm.tirx import For, PrimFunc, SeqStmt
from tvm.tirx.analysis import undefined_vars

from dgtl_ray.space.sketches.scheduled import Preparation, Scheduled

WEIGHTS = "layout_free_buffers"
_COPIES = "meta_schedule.layout_rewrite_preproc"


def pack_weights(module: tvm.IRModule) -> Scheduled:
    """The scheduled module with its weights in the order in which they are read.

    A weight that TVM finds no order for, or that is not read as a whole, stays as it is.
    """
    main = module["main"]
    if WEIGHTS not in (main.attrs or {}):
        return Scheduled(module=module)
    state = Schedule(module, debug_mask="none", error_render_level="none")
    if not reorder_weights(state):
        return Scheduled(module=_finished(main))
    return _split(state.mod["main"]) or Scheduled(module=_finished(main))


def reorder_weights(state: Schedule) -> bool:
    """Put blocks before the program that copy its weights into the order in which they are read.

    Returns:
        Whether TVM finds such an order.
    """
    if not _rewrites_layout(state):
        return False
    _keep_vectors(state)
    return True


def _rewrites_layout(state: Schedule) -> bool:
    """Whether TVM finds an order; code that does not say what it reads it cannot rewrite."""
    try:
        return bool(ms.postproc.RewriteLayout().apply(state))
    except InternalError:
        return False


def _keep_vectors(state: Schedule) -> None:
    """Let what was contiguous in a weight stay so, as far as one tile of it goes.

    TVM follows the loops, and so puts steps of a reduction innermost where they are. But a loop
    that no schedule vectorises may be vectorised by LLVM, along the weight's own innermost axis.
    """
    for handle in state.get_child_blocks(state.get_sblock("root")):
        block = state.get(handle)
        if _COPIES not in block.annotations:
            continue
        axis = block.iter_vars[-1].var
        places = [place.min for place in block.writes[0].region]
        along = [k for k, place in enumerate(places) if _is_among(undefined_vars(place), axis)]
        if along and along[-1] < len(places) - 1:
            order = [k for k in range(len(places)) if k != along[-1]] + [along[-1]]
            state.transform_layout(handle, ("write", 0), _permutation(order))


def _permutation(order: Sequence[int]) -> tvm.tirx.IndexMap:
    return tvm.tirx.IndexMap.from_func(lambda *at: [at[k] for k in order], ndim=len(order))


def _finished(main: PrimFunc) -> tvm.IRModule:
    """The function without the mark: the order of its weights is decided."""
    return tvm.IRModule({"main": main.without_attr(WEIGHTS)})


def _split(main: PrimFunc) -> Scheduled | None:
    """Copies and program apart, None where the program would not read what it read before."""
    root = main.body.block
    statements = list(root.body.seq) if isinstance(root.body, SeqStmt) else [root.body]
    copies = [(statement, _copy_of(statement)) for statement in statements]
    parameters = list(main.params)
    preparations = []
    for statement, block in copies:
        if block is not None:
            weight, packed = block.reads[0].source, block.writes[0].source
            at = _position(main.params, weight)
            parameters[at] = packed
            preparation = Preparation(parameter=at, function=_function([weight, packed], statement))
            preparations.append(preparation)
    program = _without(root, [s for s, block in copies if block is None], parameters)
    weights = [main.params[preparation.parameter] for preparation in preparations]
    if any(_is_among(weights, variable) for variable in undefined_vars(program)):
        return None
    # Where the order is of a part that is read, TVM puts the rest in the same places.
    if any(prod(p.prepared.shape) != prod(p.weight.shape) for p in preparations):
        return None
    function = PrimFunc(parameters, program, main.ret_type, main.attrs)
    return Scheduled(module=_finished(function), preparations=tuple(preparations))


def _copy_of(statement: Any) -> Any:
    """The block of a loop nest that only packs a weight, None where it does anything else."""
    while isinstance(statement, For):
        statement = statement.body
    if isinstance(statement, SBlockRealize) and _COPIES in statement.block.annotations:
        return statement.block
    return None


def _position(variables: Sequence[Any], wanted: Any) -> int:
    return next(i for i, variable in enumerate(variables) if variable.same_as(wanted))


def _is_among(variables: Sequence[Any], wanted: Any) -> bool:
    return any(variable.same_as(wanted) for variable in variables)


def _function(parameters: list[Any], body: Any) -> PrimFunc:
    block = SBlock([], [], [], "root", body)
    function = PrimFunc(parameters, SBlockRealize([], True, block))
    return function.with_attr({"s_tir": True, "tirx.noalias": True})


def _without(root: SBlock, statements: list[Any], parameters: list[Any]) -> SBlockRealize:
    """The root block with these statements alone; what became a parameter is not allocated."""
    body = SeqStmt(statements) if len(statements) > 1 else statements[0]
    buffers = [buffer for buffer in root.alloc_buffers if not _is_among(parameters, buffer)]
    block = SBlock(
        [], root.reads, root.writes, root.name_hint, body, None, buffers, [], root.annotations
    )
    return SBlockRealize([], True, block)
