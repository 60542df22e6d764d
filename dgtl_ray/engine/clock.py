"""Where the search time goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What the run waits for. What belongs to none of them is idle."""

    PROPOSING = "proposing"
    BUILDING = "building"
    TIMING = "timing"


@dataclass(frozen=True, kw_only=True)
class SearchTime:
    """Wall-clock seconds of a search, from its start to its winners, all in."""

    total: float
    proposing: float
    building: float
    timing: float
    idle: float

    def as_dict(self) -> dict[str, float]:
        """Field by field, for JSON."""
        return asdict(self)


class SearchClock:
    """Adds up the wall-clock time of a search by phase.

    Args:
        spent: By an earlier process of the run; it goes on from there.
        ahead_s: How long ago the first of the search's processes was started.
    """

    def __init__(self, spent: SearchTime | None = None, ahead_s: float = 0.0) -> None:
        self._before_s = spent.total if spent else 0.0
        self._start = time.perf_counter() - ahead_s
        self._phase_s = {
            Phase.PROPOSING: spent.proposing if spent else 0.0,
            Phase.BUILDING: spent.building if spent else 0.0,
            Phase.TIMING: spent.timing if spent else 0.0,
        }

    @property
    def elapsed_s(self) -> float:
        """Seconds of search so far."""
        return self._before_s + time.perf_counter() - self._start

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Count what happens inside towards `phase`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._phase_s[phase] += time.perf_counter() - start

    def add(self, phase: Phase, seconds: float) -> None:
        """Count time that has passed towards `phase`."""
        self._phase_s[phase] += seconds

    def read(self) -> SearchTime:
        """The times so far."""
        total = self.elapsed_s
        busy = sum(self._phase_s.values())
        return SearchTime(
            total=total,
            proposing=self._phase_s[Phase.PROPOSING],
            building=self._phase_s[Phase.BUILDING],
            timing=self._phase_s[Phase.TIMING],
            idle=max(0.0, total - busy),
        )
