"""The warm server: `python -m dgtl_ray.measure.server FD OWNER_PID SCRATCH JOB`, or a stem's fork.

It imports what JOB (`module:factory`) needs, TVM that is, once, and then forks workers on demand,
which takes milliseconds. It never outlives its owner: when the owner's end of the connection
closes, for whatever reason, it kills every worker, removes the scratch directory and ends.
"""

import gc
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import Any

from dgtl_ray.measure.protocol import ForkRequest, ReapRequest
from dgtl_ray.measure.worker import JobFactory, run_worker

_OWNER_CHECK_S = 1.0
_POLL_S = 0.002


class Server:
    """Forks workers for one owner."""

    def __init__(self, owner: Connection, owner_pid: int, factory: JobFactory) -> None:
        self._owner = owner
        # Readable when the owner ends, whoever its parent is.
        self._owner_end = os.pidfd_open(owner_pid)
        self._factory = factory
        self._workers: set[int] = set()

    def serve(self) -> None:
        """Answer the owner until it is gone."""
        while self._owner_lives():
            if not self._owner.poll(_OWNER_CHECK_S):
                continue
            try:
                request = self._owner.recv()
            except (EOFError, OSError):
                return
            self._owner.send(self._answer(request))

    def kill_workers(self) -> None:
        """Kill every worker with all it started."""
        for pid in list(self._workers):
            self._reap(ReapRequest(pid=pid, grace_s=0.0))

    def _owner_lives(self) -> bool:
        # A closed connection tells it at once, except where a forked copy of the owner keeps
        # the other end open.
        return not select.select([self._owner_end], [], [], 0.0)[0]

    def _answer(self, request: ForkRequest | ReapRequest) -> int:
        return self._fork(request) if isinstance(request, ForkRequest) else self._reap(request)

    def _fork(self, request: ForkRequest) -> int:
        handle = recv_handle(self._owner)
        pid = os.fork()
        if pid == 0:
            self._owner.close()
            run_worker(Connection(handle), self._factory, request)
        os.close(handle)
        self._workers.add(pid)
        return pid

    def _reap(self, request: ReapRequest) -> int:
        self._workers.discard(request.pid)
        code = _wait(request.pid, request.grace_s)
        with suppress(ProcessLookupError):
            os.killpg(request.pid, signal.SIGKILL)
        if code is None:
            _, status = os.waitpid(request.pid, 0)
            code = os.waitstatus_to_exitcode(status)
        return code


def _wait(pid: int, grace_s: float) -> int | None:
    """The exit code of a child that ends within `grace_s`, else None."""
    deadline = time.monotonic() + grace_s
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_S)


def load_factory(name: str) -> JobFactory:
    """The job factory that `module:factory` names, with all that it imports."""
    # TVM would import torch, which no job needs: seconds, and hundreds of megabytes a process.
    blocked: dict[str, Any] = {"torch": None}
    sys.modules.update(blocked)
    module, _, attribute = name.partition(":")
    factory: Callable[[Path], Callable[[Any], Any]] = getattr(import_module(module), attribute)
    return factory


def serve(owner: Connection, owner_pid: int, scratch: Path, job: str) -> None:
    """Serve the owner until it is gone, then leave nothing behind."""
    server = Server(owner, owner_pid, load_factory(job))
    gc.collect()
    gc.freeze()  # so that a worker's collector does not copy the pages it shares with us
    try:
        owner.send(os.getpid())
        server.serve()
    finally:
        server.kill_workers()
        shutil.rmtree(scratch, ignore_errors=True)


def server_environment() -> dict[str, str]:
    """Ours, so that the server finds the same packages, and only TVM decides on threads."""
    paths = [path or str(Path.cwd()) for path in sys.path]
    single = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    kept = {name: text for name, text in os.environ.items() if name != "OMP_NUM_THREADS"}
    return {**kept, **single, "PYTHONPATH": os.pathsep.join(paths)}


def main(arguments: list[str]) -> None:
    """Run a server of its own interpreter until its owner is gone."""
    descriptor, owner_pid, scratch, job = arguments
    serve(Connection(int(descriptor)), int(owner_pid), Path(scratch), job)


if __name__ == "__main__":
    main(sys.argv[1:])
