"""What other programs did on the machine while something was measured."""

import time
from contextlib import suppress
from types import TracebackType

import psutil


class OtherLoad:
    """Adds up, over the blocks it is entered for, the CPU time that other programs used.

    A figure measured beside another program says little: this tells whether there was one.
    """

    def __init__(self) -> None:
        self._others_s = 0.0
        self._wall_s = 0.0
        self._start: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def share(self) -> float:
        """CPU time of others ÷ CPU time there was; 0 is an idle machine."""
        there_was_s = self._wall_s * (psutil.cpu_count() or 1)
        return max(0.0, self._others_s) / there_was_s if there_was_s else 0.0

    def __enter__(self) -> None:
        self._start = (time.perf_counter(), _busy_s(), own_cpu_s())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        wall_s, busy_s, own_s = self._start
        self._wall_s += time.perf_counter() - wall_s
        self._others_s += (_busy_s() - busy_s) - (own_cpu_s() - own_s)


def _busy_s() -> float:
    """CPU seconds of all programs since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def own_cpu_s() -> float:
    """CPU seconds of this program and its living children."""
    total = 0.0
    this = psutil.Process()
    for process in [this, *this.children(recursive=True)]:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
