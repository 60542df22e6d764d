"""The live display of a run on a terminal: one table, one status line."""

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from dgtl_ray.core.progress import Progress
from dgtl_ray.report.tables import tuning_table
from dgtl_ray.report.units import duration


class LiveMonitor:
    """Redraws the table in place; notes scroll above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Drawn when something changed, never by a timer: nothing may run while a kernel is timed.
        self._live = Live(console=console, auto_refresh=False)
        self._started = False

    def update(self, progress: Progress) -> None:
        """Show where the run is."""
        if not self._started:
            self._live.start()
            self._started = True
        self._live.update(Group(tuning_table(progress), Text(status_line(progress))), refresh=True)

    def note(self, text: str) -> None:
        """Tell one thing that happened."""
        self._console.print(Text(text))

    def close(self) -> None:
        """Leave the last table on the screen."""
        if self._started:
            self._live.stop()


def status_line(progress: Progress) -> str:
    """What is happening, the network's latency so far, time gone and time left."""
    network = "" if progress.network_s is None else f", network {progress.network_s * 1e3:.2f} ms"
    return (
        f"{progress.phase}: {progress.trials} trials, {progress.failed} failed{network}; "
        f"{duration(progress.elapsed_s)} gone, about {duration(progress.left_s)} left"
    )
