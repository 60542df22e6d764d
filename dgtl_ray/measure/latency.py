"""End-to-end latency of several ways to run a network, measured in turn."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dgtl_ray.core.errors import DgtlError, InputError

# What a contender may raise; anything else is a mistake in this program.
_FAILURES = (DgtlError, OSError, RuntimeError)


class Contender(Protocol):
    """A way to run a network. It lives in a process of its own, so that none disturbs another.

    Whatever goes wrong is raised as a `DgtlError`, `OSError` or `RuntimeError`.
    """

    name: str

    def start(self) -> None:
        """Load the network and run it once."""
        ...

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each of several single runs.

        As many as fill `min_time_s`, at least one, at most `max_runs`. Between calls it is idle.
        """
        ...

    def close(self) -> None:
        """End its process, in whatever state it is."""
        ...


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Latency of one contender over all rounds.

    Attributes:
        median_s: Median run, None if it failed.
        low_s: 10th percentile, None if it failed.
        high_s: 90th percentile, None if it failed.
        runs: How many runs were timed.
        error: Why it failed, empty if it did not.
    """

    median_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    runs: int
    error: str = ""


@dataclass
class _Lane:
    """One contender, and what is known of it so far."""

    contender: Contender
    seconds: list[float] = field(default_factory=list)
    error: str = ""

    def start(self) -> None:
        """Start it."""
        with self._failing():
            self.contender.start()

    def take_turn(self, min_time_s: float, max_runs: int) -> None:
        """Time it."""
        with self._failing():
            self.seconds += self.contender.time_s(min_time_s, max_runs)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Note a failure: it takes the contender out of the comparison."""
        try:
            yield
        except _FAILURES as error:
            self.error = str(error) or type(error).__name__

    def latency(self) -> Latency:
        """All of its rounds in a few numbers."""
        if self.error:
            return Latency(runs=len(self.seconds), error=self.error)
        low_s, high_s = np.quantile(self.seconds, (0.1, 0.9))
        return Latency(
            median_s=statistics.median(self.seconds),
            low_s=float(low_s),
            high_s=float(high_s),
            runs=len(self.seconds),
        )


class Contest:
    """Contenders that are loaded while the block is entered, to be timed in turn once or more.

    Args:
        contenders: Who is compared; names are distinct. All are started on entry, and closed.

    Raises:
        InputError: Two contenders have one name.
    """

    def __init__(self, contenders: Sequence[Contender]) -> None:
        names = [contender.name for contender in contenders]
        if len(set(names)) < len(names):
            raise InputError(f"contenders need distinct names, got {', '.join(names)}")
        self._lanes = [_Lane(contender) for contender in contenders]
        self._open = ExitStack()

    def __enter__(self) -> "Contest":
        with ExitStack() as stack:
            for lane in self._lanes:
                stack.callback(lane.contender.close)
                lane.start()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def time(
        self,
        *,
        rounds: int = 5,
        min_time_s: float = 0.5,
        max_runs: int = 100,
        max_time_s: float = 15.0,
        settle_s: float = 0.3,
    ) -> dict[str, Latency]:
        """Each round times every one of them while the others are idle.

        So whatever changes on the machine during the comparison changes for all of them alike.

        Args:
            rounds: How often each has its turn.
            min_time_s: Time to fill in a turn; one that needs longer for a run runs once a turn.
            max_runs: Most runs in a turn.
            max_time_s: One whose runs have taken this long in all has no more turns.
            settle_s: Pause before each turn, for the threads of the one before to go to sleep.

        Returns:
            A latency for each name, in the given order; a contender that fails is reported with its
            error and the others go on.

        Raises:
            InputError: There is no round.
        """
        if rounds < 1:
            raise InputError(f"rounds is {rounds}: at least 1 is needed")
        for lane in self._lanes:
            lane.seconds = []
        for _ in range(rounds):
            for lane in self._lanes:
                if lane.error or sum(lane.seconds) >= max_time_s:
                    continue
                time.sleep(settle_s)
                lane.take_turn(min_time_s, max_runs)
        return {lane.contender.name: lane.latency() for lane in self._lanes}


def compare_latency(contenders: Sequence[Contender], **how: Any) -> dict[str, Latency]:
    """Time contenders in turn, once: see `Contest`, and its `time` for what `how` may hold.

    Raises:
        InputError: Two contenders have one name, or there is no round.
    """
    with Contest(contenders) as contest:
        return contest.time(**how)
