"""A saved module that is timed beside others, in a process of its own."""

import json
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import DeployError

_START_LIMIT_S = 120.0
_REPLY_LIMIT_S = 300.0


class ModuleContender:
    """A `dgtl_ray.measure.latency.Contender` that runs a saved module.

    Attributes:
        name: What a comparison calls it.
    """

    def __init__(self, name: str, directory: Path | str) -> None:
        self.name = name
        self._directory = Path(directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Load the module in a new process.

        Raises:
            DeployError: It cannot be loaded; the text says why.
        """
        self._scratch = tempfile.TemporaryDirectory(prefix="dgtl-")
        with self._log(self._scratch).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dgtl_ray.deploy.server", str(self._directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        self._receive(self._process, _START_LIMIT_S)

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each of several runs.

        Raises:
            DeployError: The process is gone, or takes longer than any run should.
        """
        process = self._process
        if process is None or process.stdin is None:
            raise DeployError(f"{self.name} is timed before it was started")
        request = {"min_time_s": min_time_s, "max_runs": max_runs}
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise self._ended(process) from None
        reply = self._receive(process, min_time_s + _REPLY_LIMIT_S)
        return [float(seconds) for seconds in reply["seconds"]]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _receive(self, process: "subprocess.Popen[bytes]", limit_s: float) -> dict[str, Any]:
        line = self._read_line(process, time.monotonic() + limit_s)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise DeployError(f"{self.name}: {reply['error']}")
        return reply

    def _read_line(self, process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
        """One line of the process's, waited for until `deadline` and no longer than it lives."""
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise DeployError(f"{self.name} gave no answer in time")
                chunk = process.stdout.read(65536)  # type: ignore[union-attr]
                if not chunk:
                    raise self._ended(process)
                line += chunk
        return line

    def _ended(self, process: "subprocess.Popen[bytes]") -> DeployError:
        """The error of a process that is gone, with the last it said."""
        status = process.wait()
        said = ""
        if self._scratch is not None:
            said = _last_line(self._log(self._scratch).read_text(errors="replace"))
        return DeployError(f"{self.name}'s process ended with status {status}{said}")

    @staticmethod
    def _log(scratch: "tempfile.TemporaryDirectory[str]") -> Path:
        return Path(scratch.name) / "log"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f": {lines[-1]}" if lines else ""
