"""Places for short-lived files: in memory where libraries may be loaded from there."""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - only a fresh private directory is made in it
_PREFIX = "dgtl-measure-"
_LOCK = "owner.lock"
# A directory younger than this may not be locked yet.
_SETTLED_S = 60.0


class ScratchRoot:
    """A private directory that lives as long as its owner.

    The owner removes it. Where the owner was killed, with all its processes, the next one to be
    made on this machine does: a lock that only a living process can hold tells which are in use.
    """

    def __init__(self) -> None:
        place = _MEMORY if _loadable(_MEMORY) else Path(tempfile.gettempdir())
        remove_abandoned(place)
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))
        self._lock = (self.path / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def remove_abandoned(place: Path, settled_s: float = _SETTLED_S) -> None:
    """Remove the roots in `place` whose owners are dead; only those older than `settled_s`."""
    for root in place.glob(f"{_PREFIX}*"):
        # Another user's, or one that its owner removes just now.
        with suppress(OSError):
            if time.time() - root.stat().st_mtime > settled_s and not _in_use(root):
                shutil.rmtree(root, ignore_errors=True)


def _in_use(root: Path) -> bool:
    with (root / _LOCK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _loadable(folder: Path) -> bool:
    """Whether a shared library may be written to `folder` and loaded (containers forbid it)."""
    if not os.access(folder, os.W_OK):
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC
