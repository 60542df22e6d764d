"""Reads a task's design space: TVM's sketches, and those of our own algorithms."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tvm
from tvm.target import codegen

from dgtl_ray.core.algorithms import ALGORITHMS, DIRECT
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.target_kinds import TARGET_KINDS
from dgtl_ray.core.task import LayerTask
from dgtl_ray.space.design_space import DesignSpace
from dgtl_ray.space.limits import (
    MAX_UNROLLED_POINTS,
    MIN_VECTOR_POINTS,
    MIN_WIDE_VECTOR_POINTS,
    Limits,
)
from dgtl_ray.space.nest import LEVELS
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.sketches.algorithms import own_sketches
from dgtl_ray.space.sketches.anchor import Block, anchor_of, read_blocks
from dgtl_ray.space.sketches.context import parse_target, tune_context
from dgtl_ray.space.sketches.errors import ScheduleError
from dgtl_ray.space.sketches.read_sketch import read_sketch
from dgtl_ray.space.sketches.replay import apply_schedule
from dgtl_ray.space.sketches.trace import SketchTrace

# A sketch of which none of this many feasible configurations can be applied is left out.
PROBES = 8
# TVM's sketches of one program combine those of each of its products.
_MOST_PRODUCTS = 1

_log = logging.getLogger(__name__)


def read_design_space(
    task: LayerTask, target: str, algorithms: Collection[str] = ALGORITHMS
) -> DesignSpace:
    """The design space of a task on a target: TVM's sketches, then those of our own algorithms.

    Args:
        task: The task, its program unscheduled.
        target: TVM's target as JSON; one for CUDA names its limits.
        algorithms: What may be in it (`core.algorithms`). A task that none of them can compute
            keeps TVM's sketches, if it is one product at most: TVM makes 81 of an attention, of
            10¹¹ configurations each, and takes a minute for it.

    Returns:
        Its design space: of size 1 where nothing can be chosen, and of size 0 where no sketch
        works; it says why.

    Raises:
        InputError: The target is of a kind without design spaces, or lacks a limit.
    """
    parsed = parse_target(target)
    kind = TARGET_KINDS.get(parsed.kind.name)
    if kind is None:
        raise InputError(f"target: {parsed.kind.name!r} has no design spaces; use llvm or cuda")
    limits = read_limits(parsed)
    try:
        found = _sketches(task, parsed, kind, algorithms)
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this task's tuning alone
        return DesignSpace(kind=kind, sketches=(), limits=limits, untunable=_reason(error))
    space = DesignSpace(kind=kind, sketches=found, limits=limits)
    sketches, reasons = [], []
    for index, sketch in enumerate(found):
        reason = _why_not(space, index, task, target)
        if reason:
            reasons.append(reason)
            _log.info("task %s: sketch %d is left out: %s", task.name, index, reason)
        else:
            sketches.append(sketch)
    if not sketches and DIRECT not in algorithms and any(sketch.algorithm for sketch in found):
        return read_design_space(task, target, (DIRECT,))
    untunable = "" if sketches else (reasons or ["there is no sketch of it"])[-1]
    return DesignSpace(kind=kind, sketches=tuple(sketches), limits=limits, untunable=untunable)


def _sketches(
    task: LayerTask, target: Any, kind: str, algorithms: Collection[str]
) -> tuple[Sketch, ...]:
    """TVM's sketches of a task, then our own."""
    module = tvm.ir.load_json(task.program)
    blocks = read_blocks(module, LEVELS[kind])
    own = own_sketches(module, target, anchor_of(blocks).nest, algorithms)
    direct = (DIRECT in algorithms or not own) and _products(blocks) <= _MOST_PRODUCTS
    schedules = tune_context(module, target).generate_design_space() if direct else []
    return (*(read_sketch(module, SketchTrace.of(s.trace), blocks) for s in schedules), *own)


def _products(blocks: Mapping[str, Block]) -> int:
    """Sums of products in a program, each of which TVM tiles in several ways."""
    nests = [block.nest for block in blocks.values()]
    return sum(len(nest.reads) > 1 and any(axis.reduction for axis in nest.axes) for nest in nests)


def read_limits(target: Any) -> Limits:
    """The limits that a target states.

    Raises:
        InputError: A CUDA target does not state one that is needed.
    """
    stated = {str(name): value for name, value in target.attrs.items()}
    if target.kind.name != "cuda":
        wide = codegen.llvm_cpu_has_features("avx512f", target)
        return Limits(
            unrolled_points=MAX_UNROLLED_POINTS,
            vector_points=MIN_WIDE_VECTOR_POINTS if wide else MIN_VECTOR_POINTS,
        )
    try:
        return Limits(
            threads_per_block=int(stated["max_threads_per_block"]),
            shared_bytes_per_block=int(stated["max_shared_memory_per_block"]),
            registers_per_block=int(stated["registers_per_block"]),
            warp_size=int(stated["thread_warp_size"]),
        )
    except KeyError as missing:
        raise InputError(
            f"target: a cuda target must state {missing}; add it to the target's JSON"
        ) from missing


def _why_not(space: DesignSpace, index: int, task: LayerTask, target: str) -> str:
    """Why none of a few feasible configurations of a sketch can be applied, "" where one can."""
    alone = DesignSpace(kind=space.kind, sketches=(space.sketches[index],), limits=space.limits)
    reason = "no configuration satisfies the target's limits"
    for row in alone.sample(PROBES, np.random.default_rng(0)):
        try:
            apply_schedule(task.program, target, alone.schedule_of(row))
        except ScheduleError as error:
            reason = str(error)
        else:
            return ""
    return reason


def _reason(error: Exception) -> str:
    """The last line of an error that says something: TVM's ones end with it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1] if lines else "no message"
    return said if isinstance(error, ScheduleError) else f"{type(error).__name__}: {said}"
