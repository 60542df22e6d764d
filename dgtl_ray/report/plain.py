"""A run in plain lines, for logs and pipes."""

import time

from rich.console import Console
from rich.text import Text

from dgtl_ray.core.progress import Progress
from dgtl_ray.report.live import status_line
from dgtl_ray.report.tables import tuning_table


class PlainMonitor:
    """One status line now and then, the table at the end."""

    def __init__(self, console: Console, interval_s: float = 15.0) -> None:
        self._console = console
        self._interval_s = interval_s
        self._told_at: float | None = None
        self._last: Progress | None = None

    def update(self, progress: Progress) -> None:
        """Tell where the run is, unless it was told a moment ago."""
        self._last = progress
        now = time.monotonic()
        if self._told_at is None or now - self._told_at >= self._interval_s:
            self._told_at = now
            self.note(status_line(progress))

    def note(self, text: str) -> None:
        """Tell one thing that happened."""
        self._console.print(Text(text), soft_wrap=True)

    def close(self) -> None:
        """Print the table."""
        if self._last is not None:
            self._console.print(tuning_table(self._last))
            self._last = None
