"""What came of tuning a function: one result a trial."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dgtl_ray.core.errors import TrialError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.run.grid import Grid, data_frame
from dgtl_ray.run.source_use import SourceUse
from dgtl_ray.storage import Storage

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One configuration and what the function told of it, with Ray Tune's names.

    Attributes:
        config: The configuration.
        metrics: What the function returned, by name, with `trial_id` and `time_total_s`; empty but
            for these where it failed.
        error: Why it failed; None where it did not.
        path: Folder or address of the run.
        checkpoint: None: a call has none.
    """

    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    path: str
    error: TrialError | None = None
    checkpoint: None = None

    @property
    def filesystem(self) -> Any:
        """The `pyarrow.fs.FileSystem` that `path` is in."""
        return Storage(self.path).filesystem

    @property
    def metrics_dataframe(self) -> "pd.DataFrame":
        """The metrics as a data frame of one row.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return data_frame([self.metrics])


@dataclass(frozen=True, kw_only=True)
class TrialSummary:
    """A function's run as a whole, in the form that `--json` writes.

    Attributes:
        best: Its configuration and metrics, None where nothing ran.
        search_s: `total`, `proposing`, `building`, `timing`, `idle`.
        ended: Why the search ended; "" where it has not.
        sources: What was learned from.
    """

    run_id: str
    task: str
    device: str
    search: str
    seed: int
    metric: str
    mode: str
    trials: int
    failed: int
    best: Mapping[str, Any] | None
    search_s: Mapping[str, float]
    history: str
    ended: str
    sources: tuple[SourceUse, ...] = ()
    notes: tuple[str, ...] = field(default=())


class TrialGrid(Grid[TrialResult]):
    """One result a trial, in the order in which they were begun."""

    def __init__(
        self, results: Sequence[TrialResult], objective: Objective, path: str, summary: TrialSummary
    ) -> None:
        super().__init__(results, objective, path)
        self.summary = summary

    @property
    def errors(self) -> list[TrialError]:
        """Why trials failed."""
        return [result.error for result in self._results if result.error is not None]

    def best_rows(self, count: int = 5) -> list[dict[str, Any]]:
        """The best trials, best first: metric, and configuration knob by knob."""
        metric = self._objective.metric
        fine = [result for result in self._results if metric in result.metrics]
        ranked = sorted(
            fine, key=lambda r: r.metrics[metric], reverse=self._objective.mode == "max"
        )
        return [{metric: r.metrics[metric], **r.config} for r in ranked[:count]]

    def as_dict(self) -> dict[str, Any]:
        """The whole run, JSON-ready."""
        return {**asdict(self.summary), "results": self._flat()}

    def _flat(self) -> list[dict[str, Any]]:
        """Metrics, and the configuration as `config/NAME`."""
        return [_flat(result) for result in self._results]


def trial_result(row: Measurement, path: str) -> TrialResult:
    """A measurement of a function as a result."""
    told = dict(row.metrics or {})
    failed = row.status is not Status.OK
    return TrialResult(
        config=json.loads(row.config),
        metrics={**told, "trial_id": row.measurement_id, "time_total_s": row.timing_s},
        path=path,
        error=TrialError(f"{row.status}: {row.error}") if failed else None,
    )


def _flat(result: TrialResult) -> dict[str, Any]:
    settings = {f"config/{name}": value for name, value in result.config.items()}
    return {**result.metrics, **settings, "error": str(result.error) if result.error else None}
