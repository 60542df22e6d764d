"""A contender that lives in a child process."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from dgtl_ray.core.errors import DgtlError

_START_TIMEOUT_S = 300.0
_REPLY_TIMEOUT_S = 300.0


class ChildContender:
    """Runs a network by its own framework, in a child process that is asked for timings.

    Attributes:
        name: The framework: `pytorch` or `onnxruntime`.
    """

    def __init__(self, *, framework: str, spec: str) -> None:
        self.name = framework
        self._spec = spec
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._unread = b""

    def start(self) -> None:
        """Start the child and wait until it has loaded the network.

        Raises:
            DgtlError: It cannot load it.
        """
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._child = subprocess.Popen(
            [sys.executable, "-m", "dgtl_ray.model.baseline_server", self.name, self._spec],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
        )
        self._reply(_START_TIMEOUT_S)

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each single run, after one that is not timed.

        Args:
            min_time_s: Run until this time is filled…
            max_runs: …or as often as this.

        Raises:
            DgtlError: The child has died, or does not answer.
        """
        request = {"min_time_s": min_time_s, "max_runs": max_runs}
        child = self._running()
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure("it has ended") from error
        return [float(seconds) for seconds in self._reply(_REPLY_TIMEOUT_S)["runs_s"]]

    def close(self) -> None:
        """End the child; more than once is harmless."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()
        if self._stderr is not None:
            self._stderr.close()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is None:
            raise DgtlError(f"{self.name}: start it before timing it")
        return self._child

    def _reply(self, timeout_s: float) -> Mapping[str, Any]:
        reply: Mapping[str, Any] = json.loads(self._read_line(timeout_s))
        if "error" in reply:
            raise self._failure(str(reply["error"]))
        return reply

    def _read_line(self, timeout_s: float) -> bytes:
        """The next line of the child's output, which may come in pieces."""
        deadline = time.monotonic() + timeout_s
        pipe = self._running().stdout
        assert pipe is not None
        while b"\n" not in self._unread:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                raise self._failure(f"it gave no answer in {timeout_s:.0f} s")
            piece = os.read(pipe.fileno(), 1 << 16)
            if not piece:
                raise self._failure(f"it ended: {self._last_words()}")
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _failure(self, reason: str) -> DgtlError:
        self.close()
        return DgtlError(f"{self.name} cannot run {self._spec}: {reason}")

    def _last_words(self) -> str:
        """The last line it wrote to standard error; its exit status where there is none."""
        status = self._running().wait()
        assert self._stderr is not None
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {status}"


def _environment() -> dict[str, str]:
    """The child finds what this process finds, a factory's module above all."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
