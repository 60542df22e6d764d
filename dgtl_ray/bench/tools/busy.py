"""A program that keeps one core busy, to measure beside it."""

import subprocess
import sys
from types import TracebackType

from dgtl_ray.core.processes import die_with_parent

WHAT = "a process that counts without a pause, of usual priority, on whatever core it is given"


class BusyCore:
    """Runs that program while the block is entered."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "BusyCore":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dgtl_ray.bench.tools.busy"], stdout=subprocess.PIPE
        )
        if self._process.stdout is not None:
            self._process.stdout.readline()  # it counts from now on
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def count() -> None:
    """For ever."""
    number = 0
    while True:
        number += 1


if __name__ == "__main__":
    die_with_parent()
    sys.stdout.write("busy\n")
    sys.stdout.flush()
    count()
