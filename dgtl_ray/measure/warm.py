"""The owner's side of a warm server: start it, fork workers from it, end them."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path

import psutil

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.measure.protocol import ForkRequest, ReapRequest
from dgtl_ray.measure.scratch import ScratchRoot
from dgtl_ray.measure.server import server_environment
from dgtl_ray.measure.stem import ServerRequest, ask_for_server

_START_S = 120.0
_END_S = 5.0


class WarmServer:
    """A process that has imported what `job` needs, and forks.

    It starts in the background at once. Thread-safe. Nothing of it outlives this process.
    """

    def __init__(self, job: str) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._started = False
        self._root = ScratchRoot()
        self.scratch = self._root.path
        self._log = self.scratch / "server.log"
        # Known once a server that was forked from the stem says who it is.
        self._process: psutil.Process | None = None
        self._connection = self._of_stem() or self._of_its_own()

    @property
    def alive(self) -> bool:
        """Whether the process runs, or is about to."""
        return self._process is None or not _ended(self._process, 0.0)

    @property
    def started(self) -> bool:
        """Whether it ever was ready to fork."""
        return self._started

    def fork(self, scratch: Path, memory_limit_bytes: int) -> tuple[Connection, int]:
        """A new worker: the connection to it and its process id.

        Raises:
            DgtlError: The server is gone or does not start.
        """
        ours, theirs = Pipe()
        request = ForkRequest(scratch=str(scratch), memory_limit_bytes=memory_limit_bytes)
        try:
            with self._lock, theirs:
                process = self._await_start()
                self._connection.send(request)
                send_handle(self._connection, theirs.fileno(), process.pid)
                pid: int = self._connection.recv()
        except (EOFError, OSError, psutil.NoSuchProcess) as error:
            ours.close()
            raise self._failure() from error
        return ours, pid

    def reap(self, pid: int, grace_s: float) -> int | None:
        """End a worker, after `grace_s` if it does not by itself; its exit code.

        None where the server is gone, and all its workers with it.
        """
        with self._lock, suppress(EOFError, OSError):
            self._connection.send(ReapRequest(pid=pid, grace_s=grace_s))
            code: int = self._connection.recv()
            return code
        return None

    def close(self) -> None:
        """End the server and its workers, and remove what they left on disk."""
        self._connection.close()
        if self._process is not None and not _ended(self._process, _END_S):
            self._process.kill()
            self._process.wait()
        self._root.remove()

    def _of_stem(self) -> Connection | None:
        return ask_for_server(
            ServerRequest(
                owner_pid=os.getpid(),
                scratch=str(self.scratch),
                log=str(self._log),
                job=self._job,
                environment=server_environment(),
            )
        )

    def _of_its_own(self) -> Connection:
        ours, theirs = Pipe()
        with theirs, self._log.open("wb") as log:
            self._process = psutil.Popen(
                [
                    *(sys.executable, "-m", "dgtl_ray.measure.server"),
                    *(str(theirs.fileno()), str(os.getpid()), str(self.scratch), self._job),
                ],
                pass_fds=[theirs.fileno()],
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return ours

    def _await_start(self) -> psutil.Process:
        if self._process is None or not self._started:
            pid = self._said_pid()
            self._process = self._process or psutil.Process(pid)
            self._started = True
        return self._process

    def _said_pid(self) -> int:
        try:
            return self._heard_pid()
        except (EOFError, OSError):
            if self._process is not None:
                raise
            self._connection = self._of_its_own()  # the stem is gone
        return self._heard_pid()

    def _heard_pid(self) -> int:
        if not self._connection.poll(_START_S) and self._process is not None:
            self._process.kill()
        pid: int = self._connection.recv()
        return pid

    def _failure(self) -> DgtlError:
        log = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        reason = log.splitlines()[-1] if log else f"it ended or gave no sign for {_START_S:g} s"
        return DgtlError(
            f"the process that builds and times could not start: {reason}. "
            "Run `dgtl doctor` to see what is missing."
        )


def _ended(process: psutil.Process, within_s: float) -> bool:
    try:
        process.wait(within_s)
    except psutil.TimeoutExpired:
        return False
    return True
