"""What came of tuning a function: one result a trial."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dgtl_ray.core.errors import InputError, MissingExtraError, TrialError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement, Status

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
    """

    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    path: str
    error: TrialError | None = None

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

    def get_best_result(self, metric: str | None = None, mode: str | None = None) -> TrialResult:
        """The trial with the best value of a metric; the run's own where none is named.

        Raises:
            InputError: No trial told that metric, or there is no such mode.
        """
        objective = Objective(
            metric=metric or self._objective.metric, mode=mode or self._objective.mode
        )
        best: TrialResult | None = None
        for result in self._results:
            value = result.metrics.get(objective.metric)
            if value is not None and (
                best is None or objective.better(value, best.metrics[objective.metric])
            ):
                best = result
        if best is None:
            raise InputError(f"no trial told {objective.metric!r}: see .errors for why they failed")
        return best

    def get_dataframe(self) -> "pd.DataFrame":
        """One row a trial: its metrics, and its configuration as `config/NAME`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
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
