"""A worker: one forked process that serves jobs until its owner closes the connection."""

import os
import resource
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from dgtl_ray.core.processes import die_with_parent
from dgtl_ray.measure.protocol import Ending, ForkRequest, Outcome

Job: TypeAlias = Callable[[Any], Any]
JobFactory: TypeAlias = Callable[[Path], Job]

OUTPUT_NAME = "output.log"
_MAX_FILE_BYTES = 1 << 30
_MAX_ERROR_CHARACTERS = 400


def run_worker(owner: Connection, factory: JobFactory, request: ForkRequest) -> NoReturn:
    """Serve the owner's jobs; the process ends with it."""
    scratch = Path(request.scratch)
    _isolate(scratch)
    _limit(request.memory_limit_bytes)
    job = factory(scratch)
    while True:
        try:
            item = owner.recv()
        except EOFError:
            os._exit(0)
        os.ftruncate(1, 0)
        owner.send(_run(job, item))


def _run(job: Job, item: Any) -> Outcome:
    try:
        return Outcome(ending=Ending.DONE, value=job(item))
    except Exception as error:  # noqa: BLE001 - whatever a candidate raises is its measurement
        return Outcome(ending=Ending.RAISED, text=describe_error(error))


def describe_error(error: BaseException) -> str:
    """An error in one line: its class and what it says, without the compiler's call stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("File ", "[bt]", "Stack trace"))]
    text = " ".join(told) or "no message"
    return f"{type(error).__name__}: {text}"[:_MAX_ERROR_CHARACTERS]


def _isolate(scratch: Path) -> None:
    """Own process group, own folder, no terminal, and no life after the server's."""
    server = os.getppid()
    os.setsid()
    die_with_parent()
    if os.getppid() != server:
        os._exit(1)
    scratch.mkdir(exist_ok=True)
    os.chdir(scratch)
    tempfile.tempdir = os.environ["TMPDIR"] = str(scratch)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(OUTPUT_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    for source, descriptor in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, descriptor)


def _limit(memory_bytes: int) -> None:
    """Bound what a candidate can take from the machine; no core files."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, _MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
