"""Links a candidate's objects into a shared library, in milliseconds."""

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

# What kernels may call: mathematical functions and the C library.
_LIBRARIES = ("--as-needed", "-lm", "-lc")


class LinkError(Exception):
    """No linker, or it failed; the text says why."""


def link_shared(output: str, objects: Sequence[str], **_: object) -> None:
    """Link `objects` into the shared library `output`; the form TVM's export asks for.

    The linker is called directly: a compiler driver takes seven times as long (20 ms against 3)
    to find libraries and start-up files that a kernel does not use.

    Raises:
        LinkError: There is no linker, or it failed.
    """
    command = [*linker(), "-o", output, *objects]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LinkError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")


@cache
def linker() -> tuple[str, ...]:
    """The command that links a shared library, without its files.

    Raises:
        LinkError: There is none.
    """
    if path := shutil.which("ld"):
        return (path, "-shared", *_LIBRARIES)
    for compiler in ("cc", "gcc", "clang"):
        if path := shutil.which(compiler):
            return (path, "-shared")
    raise LinkError("no linker found (ld, cc, gcc or clang): install binutils or a C compiler")
