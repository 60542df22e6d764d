"""What the kernel tells of this machine's processor."""

from functools import cache
from pathlib import Path

_TABLE = Path("/proc/cpuinfo")


@cache
def cpu_info() -> dict[str, str]:
    """The first core's entries of the kernel's table; empty where there is none."""
    if not _TABLE.exists():
        return {}
    first, _, _ = _TABLE.read_text().partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
