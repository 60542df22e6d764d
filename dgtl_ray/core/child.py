"""A network that runs in a child process and is asked for timings line by line.

The child runs `serve` of `dgtl_ray.core.child_server`, which has the protocol.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.processes import kill_group

_START_LIMIT_S = 300.0
_RUN_LIMIT_S = 300.0


class JsonChild:
    """`python -m MODULE ARGS…`, which answers lines of JSON with lines of JSON.

    Its first line says that it is ready. A reply with an `error` is its last.
    """

    def __init__(self, name: str, module: str, *args: str) -> None:
        """Start it; `name` is what errors call it."""
        self._name = name
        self._unread = b""
        # Without a name: nobody has to remove it, whoever is killed.
        with tempfile.TemporaryFile() as log:
            self._log = os.fdopen(os.dup(log.fileno()), "rb")
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )

    def ask(self, request: Mapping[str, Any], limit_s: float) -> Mapping[str, Any]:
        """Send a request and wait for its reply.

        Raises:
            DgtlError: It is gone, is silent for `limit_s`, or replies with an error.
        """
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return self.receive(limit_s)

    def receive(self, limit_s: float) -> Mapping[str, Any]:
        """Wait for its next line.

        Raises:
            DgtlError: It is gone, is silent for `limit_s`, or replies with an error.
        """
        reply: Mapping[str, Any] = json.loads(self._read_line(time.monotonic() + limit_s))
        if "error" in reply:
            raise DgtlError(f"{self._name}: {reply['error']}")
        return reply

    def close(self) -> None:
        """End it with all that it started, in whatever state it is."""
        kill_group(self._process.pid)
        self._process.communicate()
        self._log.close()

    def _read_line(self, deadline: float) -> bytes:
        """The next line, which may come in pieces."""
        while b"\n" not in self._unread:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self._stdout], [], [], left_s)[0]:
                raise DgtlError(f"{self._name} gives no answer")
            piece = os.read(self._stdout.fileno(), 1 << 16)
            if not piece:
                raise self._ended()
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _ended(self) -> DgtlError:
        """The error of a process that is gone, with the last that it said."""
        status = self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        reason = f": {said[-1]}" if said else ""
        return DgtlError(f"{self._name} ended with status {status}{reason}")

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    @property
    def _stdout(self) -> Any:
        return self._process.stdout


class ChildContender:
    """One of several ways to run a network, in a process of its own.

    Attributes:
        name: What a comparison calls it.
        largest_error: Of its answers, relative to the largest right one, once it is started; None
            where it does not know what is right.
    """

    def __init__(self, name: str, server: str, args: Sequence[str]) -> None:
        """It will be `python -m SERVER ARGS…`."""
        self.name = name
        self.largest_error: float | None = None
        self._command = (server, *args)
        self._child: JsonChild | None = None

    def start(self) -> None:
        """Start the child and wait until it has loaded the network.

        Raises:
            DgtlError: It cannot load it; the text says why.
        """
        self._child = JsonChild(self.name, *self._command)
        self.largest_error = self._child.receive(_START_LIMIT_S).get("largest_error")

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each of several runs, as many as fill `min_time_s`, from 1 to `max_runs`.

        Raises:
            DgtlError: It was not started, its process is gone, or a run takes minutes.
        """
        if self._child is None:
            raise DgtlError(f"{self.name} has to be started before it is timed")
        request = {"min_time_s": min_time_s, "max_runs": max_runs}
        reply = self._child.ask(request, min_time_s + _RUN_LIMIT_S)
        return [float(seconds) for seconds in reply["runs_s"]]

    def close(self) -> None:
        """End the process; once more is harmless."""
        child, self._child = self._child, None
        if child is not None:
            child.close()


def _environment() -> dict[str, str]:
    """The child finds what this process finds, a factory's module above all."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
