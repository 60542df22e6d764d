"""Places for short-lived files: in memory where libraries may be loaded from there."""

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - only a fresh private directory is made in it


def new_scratch_root() -> Path:
    """A fresh private directory, named after this process; its creator removes it."""
    place = _MEMORY if _loadable(_MEMORY) else None
    return Path(tempfile.mkdtemp(prefix=f"dgtl-{os.getpid()}-", dir=place))


def _loadable(folder: Path) -> bool:
    """Whether a shared library may be written to `folder` and loaded (containers forbid it)."""
    if not os.access(folder, os.W_OK):
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC
