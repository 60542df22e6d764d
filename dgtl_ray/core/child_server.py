"""The child's side of a `ChildContender`.

Its first line on standard output says that it is ready, and how far its answers are from the
right ones where it knows those: `{"ready": true, "largest_error": …}`. From then on it answers each
line of JSON on standard input, `{"min_time_s": …, "max_runs": …}`, by `{"runs_s": […]}`: seconds of
each single run. `{"error": …}` in place of either is its last line. It ends when its input does,
and when its parent does.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.processes import die_with_parent

# One inference; it returns when the result is there.
Run: TypeAlias = Callable[[], object]

# A first run that takes so long counts: what is done only once is nothing beside it.
_LONG_RUN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A network that is loaded.

    Attributes:
        run: One inference.
        largest_error: Of its answers, relative to the largest right one; None if that is not known.
    """

    run: Run
    largest_error: float | None = None


def serve(load: Callable[[], Ready]) -> int:
    """Load a network, then time it as often as asked; the exit status."""

    def answer(replies: IO[str]) -> None:
        loaded = load()
        clock = RunClock(loaded.run)
        _send(replies, {"ready": True, "largest_error": loaded.largest_error})
        for line in sys.stdin:
            _send(replies, {"runs_s": clock.time_s(**json.loads(line))})

    return _answering(answer)


def answer_once(work: Callable[[], None]) -> int:
    """Do something, then say that it is ready; the exit status."""

    def answer(replies: IO[str]) -> None:
        work()
        _send(replies, {"ready": True})

    return _answering(answer)


def reply(work: Callable[[], Mapping[str, Any]]) -> int:
    """Do something, and say what came of it in the only line; the exit status."""

    def answer(replies: IO[str]) -> None:
        _send(replies, work())

    return _answering(answer)


def answer_each(work: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> int:
    """Say that it is ready, then answer each line of JSON by what `work` returns; exit status."""

    def answer(replies: IO[str]) -> None:
        _send(replies, {"ready": True})
        for line in sys.stdin:
            _send(replies, work(json.loads(line)))

    return _answering(answer)


def _answering(answer: Callable[[IO[str]], None]) -> int:
    """Whatever goes wrong becomes the last line."""
    die_with_parent()
    replies = _claim_stdout()
    try:
        answer(replies)
    except DgtlError as error:
        _send(replies, {"error": str(error)})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
        _send(replies, {"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


class RunClock:
    """Times single runs of a network."""

    def __init__(self, run: Run) -> None:
        """Run it once: the first run pays for what is done only once."""
        self._run = run
        self._last_s = self._time_one()
        self._counts = [self._last_s] if self._last_s > _LONG_RUN_S else []

    def time_s(self, *, min_time_s: float, max_runs: int) -> list[float]:
        """Seconds of each run; the one that wakes the threads up is not among them."""
        if self._last_s < min_time_s:
            self._time_one()
        runs_s, self._counts = self._counts, []
        while not runs_s or (sum(runs_s) < min_time_s and len(runs_s) < max_runs):
            runs_s.append(self._time_one())
        self._last_s = runs_s[-1]
        return runs_s

    def _time_one(self) -> float:
        started = time.perf_counter()
        self._run()
        return time.perf_counter() - started


def _claim_stdout() -> IO[str]:
    """The protocol's channel; what libraries print goes to standard error instead."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def _send(channel: IO[str], message: Mapping[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()
