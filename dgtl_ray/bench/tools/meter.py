"""What a search on simulated devices costs, and how busy it keeps them, once all are there."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from dgtl_ray.core.measurement import Measurement, Stage

# Ray names its worker processes after what they run.
_WORKERS = {"ray::LayerHost": "layers", "ray::DeviceHost": "devices"}
_DRIVER, _BUILDS, _RAY, _MACHINE = "driver", "builds", "ray", "machine"
ROLES = (_DRIVER, *_WORKERS.values(), _BUILDS, _RAY)


class EnoughError(Exception):
    """What was to be measured has been: the search may end."""


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """Where a window begins or ends: seconds of the clock, and of CPU by role and altogether."""

    at_s: float
    cpu_s: Mapping[str, float]


@dataclass(kw_only=True)
class Meter:
    """A sink that measures for `window_s` once `ready` says so, and then ends the search.

    Attributes:
        settle_s: How long queues may fill before anything is measured.
        keep: Where rows go.
        ready: Whether all devices are there.
    """

    window_s: float
    settle_s: float
    keep: Callable[[Sequence[Measurement]], None]
    ready: Callable[[], bool]
    _settled_at: float | None = None
    _begin: _Mark | None = None
    _end: _Mark | None = None
    _rows: list[tuple[float, float]] = field(default_factory=list)

    def append(self, rows: Sequence[Measurement]) -> None:
        """Keep a batch.

        Raises:
            EnoughError: The window is over.
        """
        self.keep(rows)
        now = time.perf_counter()
        if self._begin is not None:
            self._rows += [(row.timing_s, row.build_s) for row in rows]
            if now - self._begin.at_s >= self.window_s:
                self._end = _mark()
                raise EnoughError
        elif self._settled_at is not None and now >= self._settled_at:
            self._begin = _mark()
        elif self._settled_at is None and all(row.stage is Stage.SEARCH for row in rows):
            self._settled_at = now + self.settle_s if self.ready() else None

    def row(self, devices: int) -> dict[str, float]:
        """Utilisation of so many devices, and what a trial costs, in milliseconds of CPU by role.

        `limit_per_s` is how many trials this machine's cores could see through if they did nothing
        else; `others` is the part of them that other programs used meanwhile.

        Raises:
            ValueError: The search ended before the window did.
        """
        if self._begin is None or self._end is None:
            raise ValueError("the search ended before the window did")
        wall_s = self._end.at_s - self._begin.at_s
        before = self._begin.cpu_s
        cpu_s = {role: used - before.get(role, 0.0) for role, used in self._end.cpu_s.items()}
        machine_s = cpu_s.pop(_MACHINE)
        own_s = sum(cpu_s.values())
        trials, cores = len(self._rows), psutil.cpu_count() or 1
        return {
            "utilisation": sum(timing_s for timing_s, _ in self._rows) / (devices * wall_s),
            "trials_per_s": trials / wall_s,
            **{f"{role}_ms": 1e3 * cpu_s.get(role, 0.0) / trials for role in ROLES},
            "all_ms": 1e3 * own_s / trials,
            "limit_per_s": cores * trials / max(own_s, 1e-9),
            "busy": machine_s / (cores * wall_s),
            "others": max(0.0, machine_s - own_s) / (cores * wall_s),
        }


def youngest_worker_s() -> float:
    """Seconds since a worker process of Ray was started: that costs more than many trials."""
    started = [0.0]
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, IndexError):
            if process.cmdline()[0].startswith("ray::"):
                started.append(process.create_time())
    return time.time() - max(started)


def _mark() -> _Mark:
    times = psutil.cpu_times()
    cpu_s: dict[str, float] = defaultdict(float)
    cpu_s[_MACHINE] = times.user + times.system + getattr(times, "nice", 0.0)
    this = psutil.Process()
    for process in [this, *this.children(recursive=True)]:
        with suppress(psutil.Error):
            used = process.cpu_times()
            cpu_s[_role(process, this)] += used.user + used.system
    return _Mark(at_s=time.perf_counter(), cpu_s=cpu_s)


def _role(process: psutil.Process, driver: psutil.Process) -> str:
    if process == driver:
        return _DRIVER
    command = (process.cmdline() or [""])[0]
    for name, role in _WORKERS.items():
        if command.startswith(name):
            return role
    # A build worker between two builds is called idle.
    return _BUILDS if command.startswith("ray::") else _RAY
