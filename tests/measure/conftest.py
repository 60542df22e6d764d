"""Real builders and timers, warm for a whole module; programs and libraries to give them."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import psutil
import pytest

from dgtl_ray.core.roles import Artifact, BuildInput, EvaluatorConfig, RunInput
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.measure import LocalBuilder, LocalTimer

N = 64
ARGS = tuple(TensorSpec(shape=(N, N), dtype="float32") for _ in range(3))

CompileC: TypeAlias = Callable[[str], Artifact]

_C_PROGRAM = """
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int __tvm_ffi_main(void *self, void *args, int32_t count, void *result) {{
  {body}
  return 0;
}}
"""


@pytest.fixture(scope="session")
def target() -> str:
    """A CPU target for two threads."""
    import tvm

    cpu = tvm.target.codegen.llvm_get_system_cpu()
    return f'{{"kind": "llvm", "mcpu": "{cpu}", "num-cores": 2}}'


@pytest.fixture(scope="session")
def matmul() -> str:
    """A matrix product, unscheduled."""
    return matmul_program(scale=1.0)


def matmul_program(scale: float, weight: int | None = None) -> str:
    """A matrix product times `scale`; argument number `weight` is one."""
    import tvm
    from tvm import te

    a = te.placeholder((N, N), name="A")
    b = te.placeholder((N, N), name="B")
    k = te.reduce_axis((0, N), name="k")
    c = te.compute((N, N), lambda i, j: te.sum(a[i, k] * b[k, j] * scale, axis=k), name="C")
    function = te.create_prim_func([a, b, c]).with_attr("global_symbol", "main")
    if weight is not None:
        function = function.with_attr("layout_free_buffers", [weight])
    return str(tvm.ir.save_json(tvm.IRModule({"main": function})))


@pytest.fixture(scope="module")
def builder() -> Iterator[LocalBuilder]:
    builder = LocalBuilder()
    yield builder
    builder.close()


@pytest.fixture(scope="module")
def timer() -> Iterator[LocalTimer]:
    timer = LocalTimer(memory_limit_bytes=512 << 20)
    yield timer
    timer.close()


@pytest.fixture(scope="module")
def good(builder: LocalBuilder, matmul: str, target: str) -> Artifact:
    """A sound candidate."""
    result = builder.build(BuildInput(program=matmul, target=target, schedule=""))
    assert result.error == ""
    return result.artifact


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> CompileC:
    """Make a candidate whose kernel runs some C."""

    def compile_body(body: str) -> Artifact:
        folder = tmp_path_factory.mktemp("candidate")
        source, library = folder / "kernel.c", folder / "kernel.so"
        source.write_text(_C_PROGRAM.format(body=body))
        command = ["cc", "-O0", "-w", "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
        return Artifact(library=library.read_bytes(), args=ARGS)

    return compile_body


def run_input(
    artifact: Artifact, target: str, *, best_s: float | None = None, timeout_s: float = 10.0
) -> RunInput:
    evaluator = EvaluatorConfig(repeat=3, min_time_ms=1.0, timeout_s=timeout_s)
    return RunInput(artifact=artifact, target=target, evaluator=evaluator, best_s=best_s)


def is_running(process: psutil.Process) -> bool:
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def descendants() -> list[psutil.Process]:
    """Processes that live and that this one is the ancestor of."""
    return [child for child in psutil.Process().children(recursive=True) if is_running(child)]


def scratch_roots(owner: int | None = None) -> set[Path]:
    """Scratch directories of a process (this one by default) that are there now."""
    places = (Path("/dev/shm"), Path(tempfile.gettempdir()))
    pattern = f"dgtl-measure-{owner or os.getpid()}-*"
    return {root for place in places if place.exists() for root in place.glob(pattern)}
