"""The owner's side of a warm server: start it, fork workers from it, end them."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.measure.protocol import ForkRequest, ReapRequest
from dgtl_ray.measure.scratch import ScratchRoot

_START_S = 120.0
_END_S = 5.0


class WarmServer:
    """A process that has imported what `job` needs, and forks.

    It starts in the background at once. Thread-safe. Nothing of it outlives this process.
    """

    def __init__(self, job: str) -> None:
        self._lock = threading.Lock()
        self._started = False
        self._root = ScratchRoot()
        self.scratch = self._root.path
        self._log = self.scratch / "server.log"
        self._connection, theirs = Pipe()
        with theirs, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dgtl_ray.measure.server"),
                    *(str(theirs.fileno()), str(os.getpid()), str(self.scratch), job),
                ],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

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
                self._await_start()
                self._connection.send(request)
                send_handle(self._connection, theirs.fileno(), self._process.pid)
                pid: int = self._connection.recv()
        except (EOFError, OSError) as error:
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
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._root.remove()

    def _await_start(self) -> None:
        if self._started:
            return
        if not self._connection.poll(_START_S):
            self._process.kill()
        self._connection.recv()
        self._started = True

    def _failure(self) -> DgtlError:
        log = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        reason = log.splitlines()[-1] if log else f"it ended or gave no sign for {_START_S:g} s"
        return DgtlError(
            f"the process that builds and times could not start: {reason}. "
            "Run `dgtl doctor` to see what is missing."
        )


def _environment() -> dict[str, str]:
    """Ours, so that the server finds the same packages, and only TVM decides on threads."""
    paths = [path or str(Path.cwd()) for path in sys.path]
    single = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    kept = {name: text for name, text in os.environ.items() if name != "OMP_NUM_THREADS"}
    return {**kept, **single, "PYTHONPATH": os.pathsep.join(paths)}
