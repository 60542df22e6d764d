"""Runs a program that others made: `python -m dgtl_ray.peers.keeper PARENT PROGRAM ARGS…`.

Such programs start further ones, none of which notices that whoever wants the result was killed.
The keeper leads their process group: once its parent, the process PARENT, is gone, it ends them
all, itself included.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from dgtl_ray.core.processes import kill_group

_LOOK_EVERY_S = 0.5


def keep(parent: int, command: Sequence[str]) -> int:
    """Run a command as long as the parent lives; its exit status, as shells tell it."""
    with subprocess.Popen(command) as process:
        while os.getppid() == parent:
            try:
                return _told(process.wait(_LOOK_EVERY_S))
            except subprocess.TimeoutExpired:
                continue
        kill_group(os.getpgrp())
        return _told(process.wait())


def _told(status: int) -> int:
    """A status that a process can end with: 128 and the signal where one ended the program."""
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(keep(int(sys.argv[1]), sys.argv[2:]))
