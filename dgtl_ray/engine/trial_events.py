"""What the search of a function tells of its trials while it goes on."""

from typing import Protocol

from dgtl_ray.core.function import FunctionResult
from dgtl_ray.core.measurement import Measurement


class TrialEvents(Protocol):
    """Told of every trial; one call at a time, in threads of the search's choice."""

    def began(self, trial: int, config: str) -> None:
        """The function is called for a configuration (JSON)."""
        ...

    def called(self, trial: int, result: FunctionResult, *, again: bool) -> None:
        """A call ended; `again` where the trial failed and is tried once more."""
        ...

    def recorded(self, row: Measurement) -> str:
        """A trial is durable. Why the search is to end, or ""."""
        ...


class NoEvents:
    """Tells nobody."""

    def began(self, trial: int, config: str) -> None:
        """Nobody to tell."""

    def called(self, trial: int, result: FunctionResult, *, again: bool) -> None:
        """Nobody to tell."""

    def recorded(self, row: Measurement) -> str:  # noqa: ARG002 - one of the roles
        """Nobody to ask."""
        return ""
