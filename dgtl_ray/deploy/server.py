"""Runs a saved module for `ModuleContender`: `python -m dgtl_ray.deploy.server DIR`.

It answers each line of JSON on standard input with one on standard output: first
`{"ready": true}`, then `{"seconds": [...]}` for `{"min_time_s": ..., "max_runs": ...}`, or
`{"error": ...}`. It ends when its input does, and when its parent does.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dgtl_ray.core.errors import DgtlError

if TYPE_CHECKING:
    from dgtl_ray.deploy.timing import TimingSession

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until the input ends; the exit status is 0 unless the module cannot be loaded."""
    _die_with_parent()
    replies = _private_stdout()
    try:
        session = _open_session(Path(sys.argv[1]))
    except DgtlError as error:
        _reply(replies, {"error": str(error)})
        return 1
    _reply(replies, {"ready": True})
    for line in sys.stdin:
        _reply(replies, {"seconds": session.time_s(**json.loads(line))})
    return 0


def _open_session(directory: Path) -> "TimingSession":
    """Load the module, without torch: TVM would import it where it finds it, for nothing."""
    sys.modules["torch"] = None  # type: ignore[assignment]
    from dgtl_ray.deploy.loading import load
    from dgtl_ray.deploy.timing import TimingSession

    return TimingSession(load(directory))


def _die_with_parent() -> None:
    """Have the kernel end this process when its parent dies, however that dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _private_stdout() -> IO[str]:
    """Standard output for replies alone; what libraries print goes to standard error."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return replies


def _reply(replies: IO[str], message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


if __name__ == "__main__":
    sys.exit(main())
