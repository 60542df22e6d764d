"""A child process that answers lines of JSON with lines of JSON."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import DeployError


class JsonChild:
    """`python -m MODULE ARGS…`, asked and answered line by line.

    Its first line says that it is ready. A reply with an `error` is its last.
    """

    def __init__(self, name: str, module: str, *args: str) -> None:
        """Start it; `name` is what errors call it."""
        self._name = name
        self._unread = b""
        self._scratch = tempfile.TemporaryDirectory(prefix="dgtl-")
        self._log = Path(self._scratch.name) / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
            )

    def ask(self, request: Mapping[str, Any], limit_s: float) -> Mapping[str, Any]:
        """Send a request and wait for its reply.

        Raises:
            DeployError: It is gone, is silent for `limit_s`, or replies with an error.
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
            DeployError: It is gone, is silent for `limit_s`, or replies with an error.
        """
        reply: Mapping[str, Any] = json.loads(self._read_line(time.monotonic() + limit_s))
        if "error" in reply:
            raise DeployError(f"{self._name}: {reply['error']}")
        return reply

    def close(self) -> None:
        """End it, in whatever state it is."""
        self._process.kill()
        self._process.communicate()
        self._scratch.cleanup()

    def _read_line(self, deadline: float) -> bytes:
        """The next line, which may come in pieces."""
        while b"\n" not in self._unread:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self._stdout], [], [], left_s)[0]:
                raise DeployError(f"{self._name} gives no answer")
            piece = os.read(self._stdout.fileno(), 1 << 16)
            if not piece:
                raise self._ended()
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _ended(self) -> DeployError:
        """The error of a process that is gone, with the last that it said."""
        status = self._process.wait()
        said = self._log.read_text(errors="replace").strip().splitlines()
        reason = f": {said[-1]}" if said else ""
        return DeployError(f"{self._name} ended with status {status}{reason}")

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    @property
    def _stdout(self) -> Any:
        return self._process.stdout


def _environment() -> dict[str, str]:
    """Ours, so that the child finds the same packages."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
