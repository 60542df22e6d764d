"""Who is at a run: one process at a time, lest two give their trials the same names."""

import errno
import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from threading import Event, Thread
from typing import Protocol
from uuid import uuid4
from weakref import WeakSet

from pyarrow.fs import FileType

from dgtl_ray.core.errors import InputError
from dgtl_ray.storage import Storage, join

_LOCK = "lock"
_OWNER = "owner.json"
# An owner that has not written for so long is taken for dead.
_FRESH_S = 120.0
_RENEW_S = 30.0
# Two that take a store at the same moment both find it free: soon after, one sees that it lost.
_SETTLE_S = 1.0


class Lease(Protocol):
    """The right to go on with a run."""

    def take(self) -> None:
        """Be the one that has it.

        Raises:
            InputError: Another process has it; the message says which, and what to do.
        """
        ...

    def require_free(self) -> None:
        """Check that no other process has it, without taking it.

        Raises:
            InputError: One has.
        """
        ...

    def require_kept(self) -> None:
        """Check that it was not lost since it was taken.

        Raises:
            InputError: It was.
        """
        ...

    def give_up(self) -> None:
        """Let others have it."""
        ...


def lease_on(storage: Storage) -> Lease:
    """The lease of the run in a folder."""
    return FileLease(storage) if storage.is_local else StoreLease(storage)


class FileLease:
    """A lock on a file in a local folder: the system lifts it when the process ends, however.

    What this process forks does not have it.

    Args:
        storage: The folder.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._path = storage.path_of(_LOCK)
        self._descriptor: int | None = None

    def take(self) -> None:
        """See `Lease.take`.

        Raises:
            InputError: Another process has it.
            StorageError: The folder cannot be written.
        """
        if self._descriptor is not None:
            return
        descriptor = self._open(os.O_RDWR | os.O_CREAT)
        self._lock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        _TAKEN.add(self)
        with suppress(OSError):  # that it is locked counts; who did is for people
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _this_process().encode())

    def require_free(self) -> None:
        """See `Lease.require_free`.

        Raises:
            InputError: Another process has it.
            StorageError: The folder cannot be read.
        """
        if self._descriptor is None and self._storage.kind(_LOCK) is not FileType.NotFound:
            descriptor = self._open(os.O_RDONLY)
            self._lock(descriptor, fcntl.LOCK_SH)
            os.close(descriptor)

    def require_kept(self) -> None:
        """See `Lease.require_kept`: a lock is never lost."""

    def give_up(self) -> None:
        """See `Lease.give_up`."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                # To close it is not enough where something else has it, too.
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self.forget()

    def forget(self) -> None:
        """Close the file; who else has it open keeps the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self, flags: int) -> int:
        descriptor: int = self._storage.attempt(lambda: os.open(self._path, flags, 0o666))
        return descriptor

    def _lock(self, descriptor: int, kind: int) -> None:
        """Lock a file, or close it and say who has; where there are no locks nobody can tell."""
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                return
            owner = os.read(descriptor, 1000).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise InputError(
                f"{owner} is at the run in {self._storage.uri}: wait until it ends, or end it, and"
                " then resume the run"
            ) from None


# Of this process.
_TAKEN: WeakSet[FileLease] = WeakSet()


def _forget_all() -> None:
    """A child that was forked has its parent's files, and might outlive it."""
    for lease in list(_TAKEN):
        lease.forget()


os.register_at_fork(after_in_child=_forget_all)


@dataclass(frozen=True, kw_only=True)
class _Owner:
    """Who has a lease in a store.

    Attributes:
        lease: Names the lease, unique in all processes.
        process: Who that is, for people.
        at: When it said so last, in seconds since 1970.
    """

    lease: str
    process: str
    at: float


class StoreLease:
    """A file in a store, which its owner writes anew as long as it lives.

    It is written by a thread: a call of a function, a pre-training or a compilation may each take
    longer than an owner may be silent.

    Args:
        storage: The folder.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lease = uuid4().hex
        self._end = Event()
        self._renewal: Thread | None = None
        self._is_lost = False

    def take(self) -> None:
        """See `Lease.take`.

        Raises:
            InputError: Another process has it.
            StorageError: The store cannot be read or written.
        """
        if self._renewal is not None:
            return
        self.require_free()
        self._write()
        self._is_lost = False
        self._end.clear()
        self._renewal = Thread(target=self._renew, name="lease", daemon=True)
        self._renewal.start()

    def require_free(self) -> None:
        """See `Lease.require_free`.

        Raises:
            InputError: Another process has it, or had until just now.
            StorageError: The store cannot be read.
        """
        owner = None if self._renewal is not None else self._owner()
        if owner is None:
            return
        silent_s = time.time() - owner.at
        if silent_s < _FRESH_S:
            raise InputError(
                f"{owner.process} is at the run in {self._storage.uri}, and said so"
                f" {max(0.0, silent_s):.0f} s ago: wait until it ends; if it was killed, resume the"
                f" run in {_FRESH_S - silent_s:.0f} s, or delete {self._address}"
            )

    def require_kept(self) -> None:
        """See `Lease.require_kept`.

        Raises:
            InputError: Another process has taken over.
        """
        if self._is_lost:
            raise InputError(
                f"the run in {self._storage.uri} was taken over by another process, or"
                f" {self._address} was deleted: this one ends; what it measured until then is kept"
            )

    def give_up(self) -> None:
        """See `Lease.give_up`."""
        if self._renewal is None:
            return
        self._end.set()
        self._renewal.join()
        self._renewal = None
        with suppress(InputError, OSError):  # then it is free once nobody renews it
            if self._is_ours():
                self._storage.delete(_OWNER)

    @property
    def _address(self) -> str:
        return join(self._storage.uri, _OWNER)

    def _renew(self) -> None:
        """Write the file now and then; to be run in a thread."""
        wait_s = _SETTLE_S
        while not self._end.wait(wait_s):
            wait_s = _RENEW_S
            with suppress(InputError):  # a store that fails for a while is tried again
                if not self._is_ours():
                    self._is_lost = True
                    return
                self._write()

    def _is_ours(self) -> bool:
        owner = self._owner()
        return owner is not None and owner.lease == self._lease

    def _write(self) -> None:
        owner = _Owner(lease=self._lease, process=_this_process(), at=time.time())
        self._storage.put(_OWNER, json.dumps(asdict(owner)).encode())

    def _owner(self) -> _Owner | None:
        text = self._storage.get(_OWNER)
        if text is None:
            return None
        try:
            kept = json.loads(text)
            return _Owner(
                lease=str(kept["lease"]), process=str(kept["process"]), at=float(kept["at"])
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self._address} is damaged: delete it ({error!r})") from error


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
