"""A history whose storage may fail for a while."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from dgtl_ray.core.errors import StorageError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history.folder import DAMAGED, Folder
from dgtl_ray.history.store import ParquetHistory

_LOG = logging.getLogger(__name__)


class SpooledHistory:
    """Appends to a history, or to a local folder, the *spool*, while that cannot be reached.

    A row is on disk in one of the two when `append` returns. What waits in the spool is delivered
    beside a later batch, which does not wait for it: an attempt at storage that fails takes
    seconds. After a failure the storage is left alone for a while, each time twice as long. A
    process that dies between delivering and emptying the spool delivers again; readers of a history
    see each measurement once. A file of the spool that cannot be read is kept as `….damaged`, and
    the log says so. To be called from one thread at a time.

    Args:
        store: Where rows belong.
        spool: Folder on this machine.
        first_wait_s: How long the storage is left alone after its first failure.
        longest_wait_s: The longest that it is left alone.
    """

    def __init__(
        self,
        store: ParquetHistory,
        spool: Path,
        *,
        first_wait_s: float = 1.0,
        longest_wait_s: float = 30.0,
    ) -> None:
        self._store = store
        self._spool = ParquetHistory(str(spool))
        self._files = Folder(str(spool))
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._wait_s = 0.0
        self._next_try = 0.0
        self._is_empty = not self._files.sizes_bytes()
        self._lock = Lock()
        self._courier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._delivery: Future[None] | None = None

    def append(self, rows: Sequence[Measurement]) -> None:
        """Keep a batch; it is durable when this returns.

        Raises:
            InputError: Neither place can be written, or a value is not storable.
        """
        if self._is_empty:
            try:
                self._store.append(rows)
            except StorageError:
                self._put_aside(rows)
                self._back_off()
            return
        self._put_aside(rows)
        if time.monotonic() >= self._next_try and self._is_courier_back():
            self._delivery = self._courier.submit(self._try_to_deliver)

    def deliver(self, patience_s: float = 0.0) -> None:
        """Bring what is spooled where it belongs; try again and again for `patience_s`.

        Raises:
            StorageError: It could not be; the rows stay in the spool.
        """
        give_up = time.monotonic() + patience_s
        if self._delivery is not None:
            self._delivery.result()
        while not self._is_empty:
            try:
                self._deliver()
            except StorageError as error:
                self._back_off()
                if self._next_try > give_up:
                    raise StorageError(
                        f"{error}. Measurements wait in {self._spool.uri}: resume the run to "
                        "deliver them"
                    ) from error
                time.sleep(self._wait_s)

    def _try_to_deliver(self) -> None:
        try:
            self._deliver()
        except StorageError:
            self._back_off()

    def _deliver(self) -> None:
        with self._lock:
            names = list(self._files.sizes_bytes())
            rows = self._spool.measurements()
            skipped = {file.path for file in self._spool.skipped}
        self._store.append(rows)
        damaged = [name for name in names if self._files.path_of(name) in skipped]
        with self._lock:
            self._set_aside(damaged)
            self._files.discard(set(names) - set(damaged))
            self._is_empty = not self._files.sizes_bytes()
        self._wait_s = 0.0

    def _set_aside(self, damaged: Sequence[str]) -> None:
        """Keep files that cannot be read, under a name that nothing waits for."""
        self._files.set_aside(damaged)
        for name in damaged:
            _LOG.warning(
                "measurements that waited in %s cannot be delivered: it is damaged, and kept as %s",
                self._files.path_of(name),
                f"{name}{DAMAGED}",
            )

    def _put_aside(self, rows: Sequence[Measurement]) -> None:
        with self._lock:
            self._spool.append(rows)
            self._is_empty = False

    def _is_courier_back(self) -> bool:
        """Whether no delivery is under way; what went wrong in the last one is raised here."""
        if self._delivery is None:
            return True
        if not self._delivery.done():
            return False
        self._delivery.result()
        return True

    def _back_off(self) -> None:
        self._wait_s = min(max(2 * self._wait_s, self._first_wait_s), self._longest_wait_s)
        self._next_try = time.monotonic() + self._wait_s
