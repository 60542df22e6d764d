"""The role of a history store."""

from collections.abc import Sequence
from typing import Any, Protocol

from dgtl_ray.core.measurement import Measurement


class HistoryStore(Protocol):
    """Keeps every measurement.

    Several processes may append while others read, each with a store of its own; one store object
    belongs to one thread. `dgtl_ray.testing.histories.HistoryConformance` holds what is promised.
    """

    def append(self, rows: Sequence[Measurement]) -> None:
        """Keep a batch, all of it or nothing; it is durable when this returns."""
        ...

    def scan(self, *, where: Any | str | None = None, columns: Sequence[str] | None = None) -> Any:
        """Rows as a `pyarrow.Table`, each measurement once, in no particular order."""
        ...

    def measurements(self, where: Any | str | None = None) -> list[Measurement]:
        """Rows as measurements, oldest first."""
        ...
