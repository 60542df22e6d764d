"""What came of tuning a function: one result a trial."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dgtl_ray.core.errors import MissingExtraError, TrialError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.run.picking import best_result
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
        frame: pd.DataFrame = _pandas().DataFrame([dict(self.metrics)])
        return frame


@dataclass(frozen=True, kw_only=True)
class TrialSummary:
    """A function's run as a whole, in the form that `--json` writes."""

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
    notes: tuple[str, ...] = field(default=())


class TrialGrid(Sequence[TrialResult]):
    """One result a trial, in the order in which they were begun."""

    def __init__(
        self, results: Sequence[TrialResult], objective: Objective, path: str, summary: TrialSummary
    ) -> None:
        self._results = tuple(results)
        self._objective = objective
        self.experiment_path = path
        self.summary = summary

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __iter__(self) -> Iterator[TrialResult]:
        return iter(self._results)

    @property
    def errors(self) -> list[TrialError]:
        """Why trials failed."""
        return [result.error for result in self._results if result.error is not None]

    @property
    def num_errors(self) -> int:
        """Trials that failed."""
        return len(self.errors)

    @property
    def num_terminated(self) -> int:
        """Trials that ended as they should."""
        return len(self._results) - self.num_errors

    @property
    def filesystem(self) -> Any:
        """The `pyarrow.fs.FileSystem` that `experiment_path` is in."""
        return Storage(self.experiment_path).filesystem

    def get_best_result(
        self,
        metric: str | None = None,
        mode: str | None = None,
        scope: str = "last",
        filter_nan_and_inf: bool = True,
    ) -> TrialResult:
        """The trial with the best value of a metric; the run's own where none is named.

        Args:
            metric: Its name.
            mode: `min` or `max`.
            scope: One of Ray Tune's; a trial reports once, so that all are the same.
            filter_nan_and_inf: Whether values that are not finite are left out.

        Raises:
            InputError: No trial told that metric, or there is no such mode or scope.
        """
        objective = Objective(
            metric=metric or self._objective.metric, mode=mode or self._objective.mode
        )
        return best_result(self._results, objective, scope, filter_nan_and_inf=filter_nan_and_inf)

    def get_dataframe(
        self, filter_metric: str | None = None, filter_mode: str | None = None
    ) -> "pd.DataFrame":
        """One row a trial: its metrics, and its configuration as `config/NAME`.

        Args:
            filter_metric: Ray Tune's: the report of a trial that counts; here it has one.
            filter_mode: The same.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        del filter_metric, filter_mode
        frame: pd.DataFrame = _pandas().DataFrame([_flat(result) for result in self._results])
        return frame

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
        return {**asdict(self.summary), "results": [_flat(result) for result in self._results]}


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


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("A data frame", "report") from error
    return pd
