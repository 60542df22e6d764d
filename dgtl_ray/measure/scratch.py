"""Places for short-lived files from which libraries may be loaded: in memory where it allows that.

Containers and guarded machines forbid it in some places.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dgtl_ray.core.errors import DgtlError

_MEMORY = Path("/dev/shm")  # noqa: S108 - only a fresh private directory is made in it
_KEPT = Path("/var/tmp")  # noqa: S108 - as above
_PREFIX = "dgtl-measure-"
_LOCK = "owner.lock"
# A directory younger than this may not be locked yet.
_SETTLED_S = 60.0


class ScratchRoot:
    """A private directory that lives as long as its owner.

    The owner removes it. Where the owner was killed, with all its processes, the next one to be
    made on this machine does: a lock that only a living process can hold tells which are in use.
    """

    def __init__(self, place: Path | None = None) -> None:
        """DgtlError where there is no place for it; without one, a folder that loads libraries."""
        place = place or loadable_folder()
        remove_abandoned(place)
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))
        self._lock = (self.path / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def loadable_folder() -> Path:
    """A folder for files that are written, loaded as libraries, and removed.

    Raises:
        DgtlError: There is none.
    """
    found = next(filter(_loadable, _places()), None)
    if found is None:
        raise DgtlError(
            "no folder for temporary files is one that may be written and that libraries may be "
            "loaded from (mounted without noexec): name one in the variable TMPDIR"
        )
    return found


def _places() -> Iterator[Path]:
    """Where to look for one, the best first."""
    yield _MEMORY
    with suppress(FileNotFoundError):  # none that can be written
        yield Path(tempfile.gettempdir())
    yield _KEPT
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dgtl_ray"
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
    yield cache


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
    """Whether a shared library may be written to `folder` and loaded."""
    if not os.access(folder, os.W_OK):
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC
