"""CUDA code of deployed modules: machine code, so that no compiler is needed where they run."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tvm_ffi.registry import remove_global_func

from dgtl_ray.measure.cuda_code import accept_machine_code, compile_when_built

# What building sets for this process. Others that it starts would look for a toolkit there.
_SETTINGS = ("CUDA_PATH", "TVM_CUDA_COMPILE_MODE", "TVM_COMPILE_FORCE_FALLBACK")

# TVM's hook that building leaves behind.
_AFTER_SOURCE = "tvm_callback_cuda_postproc"


@contextmanager
def machine_code(kind: str) -> Iterator[None]:
    """Let what is compiled meanwhile carry machine code, where it is for `cuda`.

    Raises:
        MissingExtraError: There is no CUDA compiler here.
    """
    if kind != "cuda":
        yield
        return
    before = {name: os.environ.get(name) for name in _SETTINGS}
    with tempfile.TemporaryDirectory(prefix="dgtl-") as scratch:
        try:
            compile_when_built(Path(scratch))
            try:
                yield
            finally:
                remove_global_func(_AFTER_SOURCE)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@cache
def take_machine_code() -> None:
    """Once a process: let it load modules that carry machine code, or source."""
    accept_machine_code()
