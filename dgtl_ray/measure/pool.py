"""Workers that serve jobs; one that crashes, hangs or overruns a limit costs only its job."""

import itertools
import queue
import shutil
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.measure.protocol import Ending, Outcome
from dgtl_ray.measure.warm import WarmServer
from dgtl_ray.measure.worker import OUTPUT_NAME

# How long a worker that closed its connection may take to end before it is killed.
_GRACE_S = 0.5
_MAX_OUTPUT_BYTES = 16384
# A worker is renewed after this many jobs: TVM keeps every library that it has loaded.
_MAX_JOBS = 1000


class Worker:
    """One forked process, from the owner's side."""

    def __init__(self, server: WarmServer, scratch: Path, memory_limit_bytes: int) -> None:
        self._server = server
        self._scratch = scratch
        self._memory_limit_bytes = memory_limit_bytes
        self._jobs = 0
        self._connection: Connection
        self._connection, self.pid = server.fork(scratch, memory_limit_bytes)

    @property
    def alive(self) -> bool:
        """Whether it waits for a job: one that has something to say between jobs has ended."""
        return self._server.alive and not self._connection.poll()

    @property
    def worn(self) -> bool:
        """Whether it has served as many jobs as one worker may."""
        return self._jobs >= _MAX_JOBS

    def run(self, item: Any, timeout_s: float) -> Outcome:
        """Run one job. Unless its ending is DONE or RAISED the worker is gone afterwards."""
        self._jobs += 1
        try:
            self._connection.send(item)
            if not self._connection.poll(timeout_s):
                return self._overdue(timeout_s)
            outcome: Outcome = self._connection.recv()
        except (EOFError, OSError):
            return self._lost()
        return outcome

    def end(self, grace_s: float) -> int | None:
        """End the process; its exit code where that can be known."""
        self._connection.close()
        code = self._server.reap(self.pid, grace_s)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return code

    def _overdue(self, timeout_s: float) -> Outcome:
        said = _said(self._scratch / OUTPUT_NAME)
        self.end(grace_s=0.0)
        text = f"killed at its time limit of {timeout_s:g} s"
        return Outcome(ending=Ending.TIMED_OUT, text=text, said=said)

    def _lost(self) -> Outcome:
        said = _said(self._scratch / OUTPUT_NAME)
        code = self.end(_GRACE_S)
        if code is None:
            return Outcome(ending=Ending.ORPHANED, text="worker lost with its server")
        text = _describe_exit(code, self._memory_limit_bytes)
        last = said.splitlines()[-1].strip() if said else ""
        return Outcome(ending=Ending.LOST, text=f"{text}: {last}" if last else text, said=said)


class WorkerPool:
    """Up to `processes` workers, forked when they are needed. Thread-safe.

    Args:
        job: `module:factory` of what workers run; `factory(scratch)` gives the function that
            serves jobs.
        processes: How many jobs can run at once, each from a thread of its own.
        memory_limit_bytes: Of one worker.
        renew_after_error: Whether a worker that raised is replaced: it may be in a bad state.
    """

    def __init__(
        self, job: str, *, processes: int, memory_limit_bytes: int, renew_after_error: bool
    ) -> None:
        self._job = job
        self._memory_limit_bytes = memory_limit_bytes
        self._renew_after_error = renew_after_error
        self._closed = False
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._server = WarmServer(job)
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(processes):
            self._idle.put(None)

    def run(self, item: Any, timeout_s: float) -> Outcome:
        """Run one job, at most `timeout_s` long, in a worker.

        Raises:
            DgtlError: No worker can be started, this machine's fault, not the job's; or the pool
                is closed.
        """
        worker = self._idle.get()
        try:
            worker = self._usable(worker)
            outcome = worker.run(item, timeout_s)
            if outcome.ending is Ending.ORPHANED and not self._closed:
                worker = self._new_worker()
                outcome = worker.run(item, timeout_s)
            if outcome.ending is Ending.RAISED and self._renew_after_error:
                worker.end(grace_s=0.0)
            if not self._survives(outcome):
                worker = None
        finally:
            self._idle.put(worker)
        return outcome

    def warm_up(self) -> None:
        """Wait until a worker is ready, so that the next job does not."""
        worker = self._idle.get()
        try:
            worker = self._usable(worker)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all processes. Jobs that run are lost, and none is run from then on."""
        with self._lock:
            self._closed = True
            self._server.close()

    def _survives(self, outcome: Outcome) -> bool:
        if outcome.ending is Ending.RAISED:
            return not self._renew_after_error
        return outcome.ending is Ending.DONE

    def _usable(self, worker: Worker | None) -> Worker:
        """This worker, or a new one where there is none, it ended while idle, or it is worn."""
        if worker is not None and worker.alive and not worker.worn:
            return worker
        if worker is not None:
            worker.end(grace_s=0.0)
        return self._new_worker()

    def _new_worker(self) -> Worker:
        try:
            return self._fork()
        except DgtlError:
            # One that never started will not start now; one that was killed is replaced.
            if not self._server.started:
                raise
            self._server.close()
        return self._fork()

    def _fork(self) -> Worker:
        with self._lock:
            if self._closed:
                raise DgtlError("the processes that build and time were ended: nothing runs now")
            if not self._server.alive:
                self._server.close()
                self._server = WarmServer(self._job)
            server, number = self._server, next(self._numbers)
        return Worker(server, server.scratch / f"worker-{number}", self._memory_limit_bytes)


def _describe_exit(code: int, memory_limit_bytes: int) -> str:
    if code >= 0:
        return f"ended its process with exit status {code}"
    name = str(-code)
    with suppress(ValueError):
        name = signal.Signals(-code).name
    hint = ""
    if -code in (signal.SIGABRT, signal.SIGKILL):
        hint = f" (memory limit {memory_limit_bytes / 2**30:.1f} GiB)"
    return f"killed by {name}{hint}"


def _said(path: Path) -> str:
    """The end of what a worker printed, "" if it printed nothing."""
    try:
        return path.read_bytes()[-_MAX_OUTPUT_BYTES:].decode(errors="replace")
    except FileNotFoundError:
        return ""
