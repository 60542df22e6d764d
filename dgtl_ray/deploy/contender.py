"""A saved module that is timed beside others, in a process of its own."""

from pathlib import Path

from dgtl_ray.core.errors import DeployError
from dgtl_ray.deploy.child import JsonChild

_START_LIMIT_S = 120.0
_RUN_LIMIT_S = 300.0


class ModuleContender:
    """A `dgtl_ray.measure.latency.Contender` that runs a saved module.

    Attributes:
        name: What a comparison calls it.
    """

    def __init__(self, name: str, directory: Path | str) -> None:
        self.name = name
        self._directory = Path(directory).resolve()
        self._child: JsonChild | None = None

    def start(self) -> None:
        """Load the module in a new process.

        Raises:
            DeployError: It cannot be loaded; the text says why.
        """
        self._child = JsonChild(self.name, "dgtl_ray.deploy.server", str(self._directory))
        self._child.receive(_START_LIMIT_S)

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each of several runs, as many as fill `min_time_s`, from 1 to `max_runs`.

        Raises:
            DeployError: It was not started, its process is gone, or a run takes minutes.
        """
        if self._child is None:
            raise DeployError(f"{self.name} has to be started before it is timed")
        request = {"min_time_s": min_time_s, "max_runs": max_runs}
        reply = self._child.ask(request, min_time_s + _RUN_LIMIT_S)
        return [float(seconds) for seconds in reply["seconds"]]

    def close(self) -> None:
        """End the process; once more is harmless."""
        child, self._child = self._child, None
        if child is not None:
            child.close()
