"""Targets: what to compile for, as TVM describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.exact_math import EXACT_MATH
from dgtl_ray.core.target_kinds import TARGET_KINDS

_CUDA_LIMITS = (
    "arch",
    "max_threads_per_block",
    "max_shared_memory_per_block",
    "thread_warp_size",
    "registers_per_block",
)


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """A target.

    Attributes:
        kind: `cpu` or `cuda`.
        json: TVM's target as JSON text, keys sorted: equal targets have equal text.
    """

    kind: str
    json: str


def parse_target(text: str) -> TargetSpec:
    """The target that a user named.

    Args:
        text: `cpu` (this machine's, all cores that this process may use), `cuda` (this machine's
            GPU), or a TVM target as JSON. A CPU target without `num-cores` gets this machine's.

    Raises:
        InputError: No such target, JSON that TVM rejects, or `cuda` where there is no GPU.
    """
    if text == "cpu":
        return _checked(_this_cpu())
    if text == "cuda":
        return _checked(_this_gpu())
    if text.lstrip().startswith("{"):
        return _checked(_from_json(text))
    raise InputError(f"unknown target {text!r}: give cpu, cuda, or a TVM target as JSON")


def target_kind(text: str) -> str:
    """`cpu` or `cuda`, where nothing is to be compiled: no device needs to be there.

    Args:
        text: As `parse_target` takes it.

    Raises:
        InputError: No such target, or JSON that TVM rejects.
    """
    return text if text in TARGET_KINDS.values() else parse_target(text).kind


def exact_math(target: TargetSpec) -> TargetSpec:
    """The target with the C library's exp, erf, … instead of polynomials; CUDA has its own."""
    attributes = json.loads(target.json)
    if target.kind != "cpu" or EXACT_MATH in attributes["keys"]:
        return target
    return _checked({**attributes, "keys": [*attributes["keys"], EXACT_MATH]})


def default_cuda_json(arch: str = "sm_90") -> str:
    """A CUDA target with all attributes that building needs, for where no GPU can be asked."""
    attributes = {
        "kind": "cuda",
        "arch": arch,
        "max_threads_per_block": 1024,
        "max_shared_memory_per_block": 49152,
        "thread_warp_size": 32,
        "registers_per_block": 65536,
    }
    return json.dumps(attributes, sort_keys=True)


def _this_cpu() -> dict[str, Any]:
    from dgtl_ray.space.sketches.host_cpu import host_cpu

    return {**host_cpu(), "num-cores": available_cores()}


def _this_gpu() -> dict[str, Any]:
    import tvm

    device = tvm.cuda(0)
    if not device.exist:
        raise InputError(
            "no CUDA device on this machine: to build for a GPU elsewhere give the target as JSON, "
            f"for instance '{default_cuda_json()}'"
        )
    return {
        **json.loads(default_cuda_json("sm_" + device.compute_version.replace(".", ""))),
        "max_threads_per_block": int(device.max_threads_per_block),
        "max_shared_memory_per_block": int(device.max_shared_memory_per_block),
        "thread_warp_size": int(device.warp_size),
    }


def _from_json(text: str) -> dict[str, Any]:
    try:
        attributes = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"target is not valid JSON ({error}): {text}") from error
    kind = attributes.get("kind")
    if str(kind) not in TARGET_KINDS:
        raise InputError(f"target kind {kind!r}: give one of {', '.join(sorted(TARGET_KINDS))}")
    if attributes["kind"] == "llvm":
        return {"num-cores": available_cores(), **attributes}
    missing = [name for name in _CUDA_LIMITS if name not in attributes]
    if missing:
        raise InputError(
            f"target lacks {', '.join(missing)}: a CUDA target given as JSON needs all limits, "
            f"for instance '{default_cuda_json()}'"
        )
    return dict(attributes)


def _checked(attributes: Mapping[str, Any]) -> TargetSpec:
    """The canonical form of a target, once TVM has accepted it."""
    import tvm

    try:
        target = tvm.target.Target(dict(attributes))
    except (ValueError, TypeError) as error:
        raise InputError(f"TVM rejects the target: {error}") from error
    kind = TARGET_KINDS[str(attributes["kind"])]
    if kind == "cpu":
        _check_mcpu(attributes)
    return TargetSpec(kind=kind, json=_canonical(target))


def _check_mcpu(attributes: Mapping[str, Any]) -> None:
    """LLVM builds for a generic CPU, with a remark only, where it does not know the name."""
    import tvm
    from tvm.target import codegen

    mcpu = attributes.get("mcpu")
    without = tvm.target.Target({k: v for k, v in attributes.items() if k != "mcpu"})
    if mcpu is not None and mcpu not in codegen.llvm_get_cpu_archlist(without):
        raise InputError(f"target mcpu {mcpu!r}: LLVM knows no such CPU")


def _canonical(target: Any) -> str:
    attributes = json.loads(str(target))
    return json.dumps({k: v for k, v in attributes.items() if v != ""}, sort_keys=True)
