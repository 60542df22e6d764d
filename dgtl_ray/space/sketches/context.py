"""TVM's tuning context for a target, without the import that takes most of a minute."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any

import tvm
from tvm.s_tir import meta_schedule as ms

# Parsing the tensor intrinsics takes tens of seconds; float32 spaces without tensor cores use none.
_INTRINSICS = "tvm.s_tir.tensor_intrin"
_RULES = {"llvm": "llvm", "cuda": "cuda"}


def tune_context(module: Any, target: Any) -> Any:
    """A context that generates the design space of `module`, and holds the postprocessors."""
    rules = _RULES[target.kind.name]
    generator = ms.space_generator.PostOrderApply(
        sch_rules=rules, postprocs=rules, mutator_probs=rules
    )
    with _without_intrinsics():
        return ms.TuneContext(module, target=target, space_generator=generator)


@lru_cache(maxsize=8)
def parse_target(text: str) -> Any:
    """A target from its JSON."""
    return tvm.target.Target(text)


@lru_cache(maxsize=8)
def postprocessors(target: str) -> tuple[Any, ...]:
    """What TVM does to a module after its trace was replayed; it depends on the target alone.

    Without the step that packs weights: `packing` takes it last, with every schedule.
    """
    context = tune_context(tvm.IRModule(), parse_target(target))
    steps = context.space_generator.postprocs
    return tuple(s for s in steps if not isinstance(s, ms.postproc.RewriteLayout))


@contextmanager
def _without_intrinsics() -> Iterator[None]:
    """Let an empty module stand in for the intrinsics, unless they are loaded already."""
    if _INTRINSICS in sys.modules:
        yield
        return
    sys.modules[_INTRINSICS] = ModuleType(_INTRINSICS)
    try:
        yield
    finally:
        del sys.modules[_INTRINSICS]
