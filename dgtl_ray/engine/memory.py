"""How much memory a run takes, all its processes together."""

import threading
from dataclasses import dataclass

import psutil

from dgtl_ray.core.progress import Monitor, Progress

_INTERVAL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class MemoryPeak:
    """Highest proportional set size seen: of all processes together, and of the driver alone."""

    total_bytes: int
    driver_bytes: int


class MemoryMeter:
    """Watches memory in a thread, and keeps still while candidates are timed.

    It stands between a run and its monitor, and so knows when that is.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._total_bytes = 0
        self._driver_bytes = 0
        self._timing = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def peak(self) -> MemoryPeak:
        """The highest seen so far."""
        return MemoryPeak(total_bytes=self._total_bytes, driver_bytes=self._driver_bytes)

    def update(self, progress: Progress) -> None:
        """Pass on to the monitor."""
        if progress.phase == "timing":
            self._timing.set()
        else:
            self._timing.clear()
        self._monitor.update(progress)

    def note(self, text: str) -> None:
        """Pass on to the monitor."""
        self._timing.clear()
        self._monitor.note(text)

    def close(self) -> None:
        """End the thread and the monitor."""
        self._stop.set()
        self._thread.join()
        self._monitor.close()

    def _watch(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            if not self._timing.is_set():
                self._sample()

    def _sample(self) -> None:
        driver = psutil.Process()
        driver_bytes = _pss_bytes(driver)
        children_bytes = sum(_pss_bytes(child) for child in driver.children(recursive=True))
        self._driver_bytes = max(self._driver_bytes, driver_bytes)
        self._total_bytes = max(self._total_bytes, driver_bytes + children_bytes)


def _pss_bytes(process: psutil.Process) -> int:
    """Memory of a process with shared pages split among their users; 0 once it has ended."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
