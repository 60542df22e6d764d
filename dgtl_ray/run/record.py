"""The measurements of one run: found again where it was begun before, then added to."""

from collections.abc import Sequence

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history import ParquetHistory, SpooledHistory, row_filter
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.run.folder import RunFolder, RunState


class RunRecord:
    """Where a run's measurements go, and how many are there.

    Who has one holds the run (`RunFolder.hold`), until the folder gives it up.

    Args:
        folder: Of the run.
        state: Of the run, as it was begun or found.
        callbacks: Told of each measurement that is durable.

    Raises:
        InputError: Another process is at the run; measurements that it recorded are missing, or
            its history cannot be read or made.
    """

    def __init__(
        self, folder: RunFolder, state: RunState, callbacks: Callbacks | None = None
    ) -> None:
        folder.hold()
        self._folder = folder
        self._callbacks = callbacks
        self.store = ParquetHistory(state.history)
        spool = folder.spool(state.run_id)
        trials = _require_recorded(folder, state, [ParquetHistory(str(spool)), self.store])
        self.recorded = len(trials)
        self._first_trial = max(trials, default=-1) + 1
        self.store.create()
        self._sink = SpooledHistory(self.store, spool)
        self._sink.deliver()

    def first_trial(self) -> int:
        """The number of the run's next trial.

        No measurement has it, also none that a search has no use for any more: two of one number
        would be one measurement to whoever reads the history.
        """
        return self._first_trial

    def append(self, rows: Sequence[Measurement]) -> None:
        """See `SpooledHistory.append`.

        Raises:
            InputError: Another process has taken over, or neither place can be written.
        """
        self._folder.require_held()
        self._sink.append(rows)
        self.recorded += len(rows)
        self._first_trial = max([self._first_trial, *(row.trial + 1 for row in rows)])
        if self._callbacks is not None:
            self._callbacks.measured(rows)

    def deliver(self, patience_s: float) -> None:
        """See `SpooledHistory.deliver`."""
        self._sink.deliver(patience_s)


def recorded_rows(folder: RunFolder, state: RunState) -> list[Measurement]:
    """What a run has measured, in no particular order; it is left alone, and may be going on.

    Raises:
        InputError: Measurements that it recorded are missing, or cannot be read.
    """
    stores = [ParquetHistory(str(folder.spool(state.run_id))), ParquetHistory(state.history)]
    _require_recorded(folder, state, stores)
    own = row_filter(run_id=state.run_id)
    rows = [row for store in stores if store.exists() for row in store.measurements(own)]
    return list({row.measurement_id: row for row in rows}.values())


def _require_recorded(
    folder: RunFolder, state: RunState, stores: Sequence[ParquetHistory]
) -> set[int]:
    """The numbers of the run's trials that were measured.

    Args:
        folder: Of the run.
        state: Of the run.
        stores: The spool, then where it is delivered: what moves meanwhile is seen in one of them.
    """
    there = {trial for store in stores if store.exists() for trial in _trials(store, state.run_id)}
    # What earlier versions noted is only whether there were any.
    expected = state.recorded or int(state.spent is not None)
    if len(there) < expected:
        damaged = [skipped.path for store in stores for skipped in store.skipped]
        cause = f"damaged: {', '.join(damaged)}" if damaged else "moved or deleted"
        raise InputError(
            f"the run in {folder.uri} recorded {expected} measurements or more, of which "
            f"{len(there)} are in {state.history} (the others are {cause}): bring them back, or "
            "begin a new run that learns from what is left, with --history"
        )
    return there


def _trials(store: ParquetHistory, run_id: str) -> list[int]:
    table = store.scan(where=row_filter(run_id=run_id), columns=["trial"])
    trials: list[int] = table.column("trial").to_pylist()
    return trials
