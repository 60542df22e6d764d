"""Machine code for CUDA, made where candidates are built, loaded where they run.

By itself TVM ships CUDA source and compiles it when it is loaded: the device would wait for the
compiler, and errors would come up too late. TVM has a hook after it has written the source and one
that turns source into machine code. Here the first compiles and puts the machine code, as text, in
the source's place; the second, on the device's side, takes it out again.

Only workers import this: it loads TVM.
"""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi

from dgtl_ray.measure.cuda_compiler import choose_cuda_compiler
from dgtl_ray.measure.cuda_headers import use_cuda_headers

_MARK = "machine code: "
_AFTER_SOURCE = "tvm_callback_cuda_postproc"
_TO_MACHINE_CODE = "tvm_callback_cuda_compile"


def compile_when_built(scratch: Path) -> None:
    """From now on, let modules that this process builds carry machine code.

    Args:
        scratch: A folder that lasts as long as this process builds.

    Raises:
        MissingExtraError: There is no CUDA compiler here.
    """
    os.environ["TVM_CUDA_COMPILE_MODE"] = choose_cuda_compiler()
    use_cuda_headers(scratch)
    # The same on machines with a driver, where TVM would compile and load at once.
    os.environ["TVM_COMPILE_FORCE_FALLBACK"] = "1"
    compile_source = tvm.get_global_func(_TO_MACHINE_CODE)

    def after_source(source: str, target: Any) -> str:
        with target:
            return pack(bytes(compile_source(source)))

    tvm_ffi.register_global_func(_AFTER_SOURCE, after_source, override=True)


def accept_machine_code() -> None:
    """From now on, let this process load modules that carry machine code, or source."""
    compile_source = tvm.get_global_func(_TO_MACHINE_CODE)
    accept = accepting(compile_source)
    tvm_ffi.register_global_func(_TO_MACHINE_CODE, accept, override=True)


def accepting(compile_source: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """A function that unpacks machine code, and gives anything else to `compile_source`."""

    def to_machine_code(text: str) -> bytes:
        if text.startswith(_MARK):
            return base64.b64decode(text.removeprefix(_MARK))
        return compile_source(text)

    return to_machine_code


def machine_codes(library: bytes) -> list[bytes]:
    """The machine code that a built shared library carries, one piece a CUDA module."""
    found = re.findall(_MARK.encode() + rb"([A-Za-z0-9+/]+=*)", library)
    return [base64.b64decode(text) for text in found]


def pack(machine_code: bytes) -> str:
    """Machine code as text."""
    return _MARK + base64.b64encode(machine_code).decode()
