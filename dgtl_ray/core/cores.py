"""Cores of this machine."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def available_cores() -> int:
    """Cores that this process may run on, and no more than its containers grant the time of."""
    return min([len(allowed_cores()), *_granted_cores()])


def allowed_cores() -> set[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _granted_cores() -> Iterator[int]:
    """How many cores' time each control group around this process grants, of those with a limit."""
    for folder in _groups():
        # Version 2 has one file of both, microseconds as in version 1.
        match _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]:
            case [quota, period] if quota.isdigit():  # neither `max` nor -1
                yield max(1, -(-int(quota) // int(period)))


def _groups() -> Iterator[Path]:
    """Folders of the control groups around this process, which may be there or not.

    A container may see its own group as the outermost, by whatever path the machine knows it.
    """
    for line in _lines(_OWN_GROUPS):
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            mount = _CONTROL_GROUPS / "cpu" if controllers else _CONTROL_GROUPS
            inner = PurePosixPath(path.lstrip("/"))
            yield from (mount / group for group in (inner, *inner.parents))


def _words(file: Path) -> list[str]:
    return [word for line in _lines(file) for word in line.split()]


def _lines(file: Path) -> list[str]:
    """Of a file, none where it cannot be read."""
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
