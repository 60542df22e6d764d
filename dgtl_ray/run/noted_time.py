"""How long a run has searched, noted in its folder while it does."""

import time
from collections.abc import Callable
from dataclasses import replace

from dgtl_ray.core.errors import StorageError
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.run.record import RunRecord

# A note writes all of the run's rounds anew: often enough, and no more.
_EVERY_S = 5.0
# The longest that storage is left alone after it failed.
_LONGEST_S = 60.0


class NotedTime:
    """Notes the time of a search now and then, and what is not noted yet at its end.

    An attempt at storage that is away takes seconds, which the search may have to wait for: after
    one that fails it is left alone, each time twice as long. To be called from one thread at a
    time.

    Args:
        folder: Of the run.
        state: Of the run.
        record: Its measurements.
        now_s: A clock, in seconds.
    """

    def __init__(
        self,
        folder: RunFolder,
        state: RunState,
        record: RunRecord,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._state = state
        self._record = record
        self._now_s = now_s
        self._latest: SearchTime | None = None
        self._wait_s = _EVERY_S
        self._next_s = now_s()

    def hear(self, spent: SearchTime) -> None:
        """Take in what the search has spent until now; a round is durable."""
        self._latest = spent
        self._folder.hear_round(spent)
        if self._now_s() >= self._next_s:
            self._note(spent)

    def close(self) -> None:
        """The search is over, in whatever way: note what is not noted yet."""
        if self._latest is not None:
            self._note(self._latest)

    def _note(self, spent: SearchTime) -> None:
        state = replace(self._state, recorded=self._record.recorded)
        try:
            self._folder.save_time(state, spent)
        except StorageError:
            # No reason to end a run whose storage fails for a while: it will be noted again.
            self._wait_s = min(2 * self._wait_s, _LONGEST_S)
        else:
            self._latest = None
            self._wait_s = _EVERY_S
        self._next_s = self._now_s() + self._wait_s
