"""Everybody who is told of a function's trials: callbacks, files of what it printed, stoppers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dgtl_ray.core.errors import InputError, StorageError, TrialError
from dgtl_ray.core.function import FunctionResult, configuration
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.run.callbacks import FOLDER, Callbacks
from dgtl_ray.storage import Storage, join

# Told of each trial when it is durable; why the run is to end, or "".
Hearing = Callable[[Measurement], str]
# How long storage is left alone after it failed: an attempt takes seconds.
_WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Failing:
    """What comes of a trial that fails.

    Attributes:
        retries: How often it is tried again; None for ever.
        fail_fast: Whether one that failed in the end ends the run.
        is_raised: Whether the run then raises why.
    """

    retries: int | None = 0
    fail_fast: bool = False
    is_raised: bool = False

    def __call__(self, row: Measurement) -> str:
        """Why the run is to end after a trial, or "".

        Raises:
            TrialError: It failed, and that is to be raised.
        """
        if not self.fail_fast or row.status is Status.OK:
            return ""
        told = f"trial {row.measurement_id} failed: {row.status}: {row.error}"
        if self.is_raised:
            raise TrialError(told)
        return told


def read_failing(config: Any) -> Failing:
    """Ray Tune's `FailureConfig`, or anything alike.

    Raises:
        InputError: It has no `max_failures` and `fail_fast` that make sense.
    """
    if config is None:
        return Failing()
    most = getattr(config, "max_failures", None)
    fast = getattr(config, "fail_fast", None)
    if not isinstance(most, int) or fast not in (True, False, "raise"):
        raise InputError(
            f"failure_config is {config!r}: give ray.tune.FailureConfig, or what has "
            "max_failures (a number, -1 for ever) and fail_fast (True, False or 'raise')"
        )
    if most != 0 and fast:
        raise InputError(f"fail_fast={fast!r} and max_failures={most} exclude each other")
    return Failing(
        retries=None if most < 0 else most, fail_fast=bool(fast), is_raised=fast == "raise"
    )


class PrintedFiles:
    """Keeps what calls print, in the folder of each trial.

    What cannot be written waits in memory, and costs no trial.

    Args:
        folder: Of the run.
        wanted: Whether anything is kept; or the name of one file, or of two, the second for errors.
        note: Told of storage that fails.

    Raises:
        InputError: The names are no names.
    """

    def __init__(
        self, folder: str, wanted: bool | str | Sequence[str], note: Callable[[str], None]
    ) -> None:
        names = ("stdout", "stderr") if wanted is True else wanted or ()
        self._names = (names,) if isinstance(names, str) else tuple(names)
        if len(self._names) > 2 or not all(_is_name(name) for name in self._names):
            raise InputError(f"log_to_file is {wanted!r}: give True, a file's name, or two")
        self._folder = folder
        self._note = note
        self._waiting: dict[str, tuple[str, str]] = {}
        self._next_s = time.monotonic()

    def __bool__(self) -> bool:
        """Whether anything is kept."""
        return bool(self._names)

    def keep(self, trial_id: str, printed: tuple[str, str]) -> None:
        """Write what a call printed, and what waits; or let it wait, too."""
        self._waiting[trial_id] = printed
        if time.monotonic() < self._next_s:
            return
        try:
            self._write_all()
        except StorageError as error:
            self._next_s = time.monotonic() + _WAIT_S
            self._note(f"what trials print waits, as it cannot be kept now: {error}")

    def close(self) -> None:
        """The run has ended: write what waits; what cannot be written now is lost, and told."""
        try:
            self._write_all()
        except StorageError as error:
            self._note(f"what {len(self._waiting)} trials printed is lost: {error}")

    def _write_all(self) -> None:
        while self._waiting:
            trial_id, printed = next(iter(self._waiting.items()))
            self._write(trial_id, printed)
            del self._waiting[trial_id]

    def _write(self, trial_id: str, printed: tuple[str, str]) -> None:
        texts = printed if len(self._names) == 2 else ("".join(printed),)
        storage = Storage(join(join(self._folder, FOLDER), trial_id))
        storage.create()
        for name, text in zip(self._names, texts, strict=True):
            storage.put(name, text.encode())


class FunctionEvents:
    """See `TrialEvents`."""

    def __init__(
        self,
        run_id: str,
        hearings: Sequence[Hearing],
        callbacks: Callbacks | None,
        printed: PrintedFiles,
    ) -> None:
        self._run_id = run_id
        self._hearings = tuple(hearings)
        self._callbacks = callbacks
        self._printed = printed

    def began(self, trial: int, config: str) -> None:
        """See `TrialEvents.began`."""
        if self._callbacks is not None:
            self._callbacks.began(self._id(trial), trial, configuration(config))

    def called(self, trial: int, result: FunctionResult, *, again: bool) -> None:
        """See `TrialEvents.called`."""
        if self._printed and not again:
            self._printed.keep(self._id(trial), result.printed)
        if self._callbacks is not None and again:
            self._callbacks.failed_once(self._id(trial))

    def recorded(self, row: Measurement) -> str:
        """See `TrialEvents.recorded`."""
        if self._callbacks is not None:
            self._callbacks.ended(row)
        whys = [hear(row) for hear in self._hearings]
        return next(filter(None, whys), "")

    def _id(self, trial: int) -> str:
        return f"{self._run_id}-{trial}"


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name
