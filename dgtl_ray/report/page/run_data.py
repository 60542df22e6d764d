"""A run as figures are made of it: its measurements in order, its rounds, its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, TimedIn
from dgtl_ray.history import ParquetHistory, row_filter
from dgtl_ray.history.objectives import objective_of
from dgtl_ray.report.page.quantity import Quantity
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.storage import split


@dataclass(frozen=True, kw_only=True)
class RunData:
    """One run.

    Attributes:
        name: Of its folder.
        state: What identifies it.
        rows: Its measurements in the order of their trials, confirmations among them.
        rounds: When each round was durable, and the seconds of search until then.
        result: What it ended with, as `--json` writes it; None where it has not ended.
    """

    name: str
    state: RunState
    rows: tuple[Measurement, ...]
    rounds: tuple[tuple[datetime, float], ...]
    result: Mapping[str, Any] | None

    @cached_property
    def searched(self) -> tuple[Measurement, ...]:
        """Trials that a search asked for: no confirmations, nothing timed in the network.

        In the order in which they ended: of trials that run at once it is another than their own.
        """
        asked = (
            row
            for row in self.rows
            if row.stage is not Stage.CONFIRM and row.timed_in is not TimedIn.NETWORK
        )
        return tuple(sorted(asked, key=lambda row: (row.created_at, row.trial)))

    @cached_property
    def layers(self) -> dict[str, tuple[Measurement, ...]]:
        """Searched trials by workload key, the layer first that takes most of an inference."""
        groups: dict[str, list[Measurement]] = {}
        for row in self.searched:
            groups.setdefault(row.workload_key, []).append(row)
        ranked = sorted(groups.values(), key=_share, reverse=True)
        return {rows[0].workload_key: tuple(rows) for rows in ranked}

    @cached_property
    def quantity(self) -> Quantity:
        """What the costs of its rows are."""
        fine = [(row.cost_s, row.metrics) for row in self.rows if row.cost_s is not None]
        return Quantity(objective=objective_of(fine))

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """Seconds of search (n,) by which each searched trial was durable.

        Where no round was noted, seconds since the first of them came in.
        """
        stamps = np.array([row.created_at.timestamp() for row in self.searched], dtype=np.float64)
        if not self.rounds:
            since: NDArray[np.float64] = stamps - stamps.min(initial=np.inf)
            return since
        moments = [moment for moment, _ in self.rounds]
        spent = np.array([seconds for _, seconds in self.rounds])
        place = np.searchsorted([moment.timestamp() for moment in moments], stamps)
        found: NDArray[np.float64] = spent[np.minimum(place, len(spent) - 1)]
        return found

    def layer(self, name: str | None) -> tuple[Measurement, ...]:
        """Searched trials of the layer of a name, or of the one that takes most time.

        Raises:
            InputError: There is no such layer, or the run measured nothing.
        """
        if not self.layers:
            raise InputError(f"{self.name} has measured nothing yet")
        if name is None:
            return next(iter(self.layers.values()))
        for rows in self.layers.values():
            if name in (rows[0].task, rows[0].workload_key):
                return rows
        known = ", ".join(rows[0].task for rows in self.layers.values())
        raise InputError(f"{self.name} has no layer {name!r}; there are: {known}")


def read_run(run: str | Path | RunData) -> RunData:
    """The run in a folder.

    Raises:
        InputError: There is none, or it, or its history, is damaged.
    """
    if isinstance(run, RunData):
        return run
    folder = RunFolder(run)
    state = folder.read()
    rows = ParquetHistory(state.history).measurements(row_filter(run_id=state.run_id))
    return RunData(
        name=split(folder.uri)[1],
        state=state,
        rows=tuple(sorted(rows, key=lambda row: row.trial)),
        rounds=tuple(folder.rounds()),
        result=folder.result(),
    )


def _share(rows: Sequence[Measurement]) -> float:
    """Seconds of one inference that a layer takes, by its best."""
    best_s = min((row.cost_s for row in rows if row.cost_s is not None), default=0.0)
    return rows[0].weight * best_s
