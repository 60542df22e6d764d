"""This machine's processor, as TVM's target names it."""

from typing import Any

import tvm
from tvm.target import codegen

from dgtl_ray.core.instruction_sets import hidden_features


def host_cpu() -> dict[str, Any]:
    """Attributes of a target for it: by its name, without what its kernel hides of that."""
    named = {"kind": "llvm", "mcpu": str(codegen.llvm_get_system_cpu())}
    promised = map(str, codegen.llvm_get_cpu_features(tvm.target.Target(named)))
    hidden = [f"-{feature}" for feature in hidden_features(promised)]
    return {**named, "mattr": hidden} if hidden else named
