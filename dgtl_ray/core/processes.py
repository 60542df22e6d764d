"""Processes that do not outlive the one that started them."""

import ctypes
import os
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel end this process when its parent dies, however that dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_group(leader: int) -> None:
    """End all processes of the group that a process leads, or led; harmless where none is left."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
