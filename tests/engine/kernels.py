"""Real kernels that misbehave, built without a compiler's help. Ray's workers import them."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path
from zlib import crc32

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import Artifact, BuildInput, BuildResult

HANGS, CRASHES, OVERWRITES, SOUND = "hangs", "crashes", "overwrites", "sound"
_BODIES = {
    SOUND: "usleep(2000);",
    CRASHES: "*(volatile int *)0 = 1;",
    OVERWRITES: "memset(malloc(16), 0x5a, 1 << 28);",
    HANGS: '((int (*)(void))dlsym(RTLD_DEFAULT, "PyGILState_Ensure"))(); for (;;) ;',
}
_PROGRAM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int __tvm_ffi_main(void *self, void *args, int32_t count, void *result) {{ {body} return 0; }}
"""


def nature_of(schedule: str) -> str:
    """What the kernel of a schedule does: three in eight misbehave, the default never does."""
    natures = (HANGS, CRASHES, OVERWRITES)
    number = crc32(b"nature" + schedule.encode()) % 8
    return natures[number] if schedule and number < len(natures) else SOUND


@cache
def library(nature: str) -> bytes:
    """A shared library whose kernel does that."""
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "kernel.c", Path(folder) / "kernel.so"
        source.write_text(_PROGRAM.format(body=_BODIES[nature]))
        command = ["cc", "-w", "-shared", "-fPIC", "-o", str(built), str(source)]
        subprocess.run(command, check=True)
        return built.read_bytes()


class KernelBuilder:
    """Builds kernels of all natures (the `Builder` role)."""

    def build(self, item: BuildInput) -> BuildResult:
        artifact = Artifact(library=library(nature_of(item.schedule)))
        return BuildResult(status=Status.OK, error="", artifact=artifact, build_s=0.01)

    def close(self) -> None:
        """Nothing to end."""
