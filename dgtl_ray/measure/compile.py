"""Compiles a scheduled module to a shared library.

Only workers import this: it loads TVM.
"""

from pathlib import Path

import tvm

from dgtl_ray.measure.cuda_code import compile_when_built
from dgtl_ray.measure.link import link_shared
from dgtl_ray.measure.vector_math import use_vector_math

# A candidate's arguments are made from its task's own shapes: code that checks them at each call
# would add a fifth to the build.
_LEAN = {"tirx.disable_assert": True}


def compile_module(module: tvm.IRModule, target: str, path: Path) -> bytes:
    """Compile a scheduled module to a shared library; `path` is written and removed."""
    resolved = tvm.target.Target(target)
    if resolved.kind.name == "cuda":
        compile_when_built(path.parent)
    use_vector_math(resolved)
    with resolved, tvm.transform.PassContext(opt_level=3, config=_LEAN):
        executable = tvm.compile(module, target=resolved)
        executable.export_library(str(path), fcompile=link_shared, workspace_dir=str(path.parent))
    artifact = path.read_bytes()
    for written in (path, *path.parent.glob("*.o")):
        written.unlink()
    return artifact
