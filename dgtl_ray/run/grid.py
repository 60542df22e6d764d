"""What Ray Tune's grids of results have in common, whatever one result is of."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dgtl_ray.core.errors import InputError, MissingExtraError
from dgtl_ray.core.function import Objective
from dgtl_ray.storage import Storage

if TYPE_CHECKING:
    import pandas as pd

# Ray Tune's: which of a trial's reports count. Here a trial has one.
_SCOPES = ("all", "last", "avg", "last-5-avg", "last-10-avg")


class _WithMetrics(Protocol):
    @property
    def metrics(self) -> Mapping[str, Any]: ...


R = TypeVar("R", bound=_WithMetrics)


class Grid(Sequence[R]):
    """Results in order, with the names of Ray Tune's `ResultGrid`.

    Args:
        results: The results.
        objective: What counts where no metric is named.
        path: Folder or address of the run.
    """

    def __init__(self, results: Sequence[R], objective: Objective, path: str) -> None:
        self._results = tuple(results)
        self._objective = objective
        self._path = path

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __iter__(self) -> Iterator[R]:
        return iter(self._results)

    @property
    @abstractmethod
    def errors(self) -> Sequence[Any]:
        """What went wrong, one a result that failed."""

    @abstractmethod
    def _flat(self) -> Sequence[Mapping[str, Any]]:
        """One row a result, for a data frame."""

    @property
    def num_errors(self) -> int:
        """Results that failed."""
        return len(self.errors)

    @property
    def num_terminated(self) -> int:
        """Results that did not fail."""
        return len(self._results) - self.num_errors

    @property
    def experiment_path(self) -> str:
        """Folder or address of the run."""
        return self._path

    @property
    def filesystem(self) -> Any:
        """The `pyarrow.fs.FileSystem` that `experiment_path` is in."""
        return Storage(self._path).filesystem

    def get_best_result(
        self,
        metric: str | None = None,
        mode: str | None = None,
        scope: str = "last",
        filter_nan_and_inf: bool = True,
    ) -> R:
        """The result with the best value of a metric; of the run's own where none is named.

        Args:
            metric: Its name in a result's `metrics`.
            mode: `min` or `max`; the run's own where none is given.
            scope: One of Ray Tune's; a trial reports once, so that all are the same.
            filter_nan_and_inf: Whether values that are not finite are left out.

        Raises:
            InputError: No result has that metric, or there is no such mode or scope.
        """
        if scope not in _SCOPES:
            raise InputError(f"scope is {scope!r}: choose one of {', '.join(_SCOPES)}")
        own = self._objective
        objective = Objective(metric=metric or own.metric, mode=mode or own.mode)
        found = [
            (value, result)
            for result in self._results
            if (value := result.metrics.get(objective.metric)) is not None
            and (math.isfinite(value) or not filter_nan_and_inf)
        ]
        if not found:
            raise InputError(f"no result tells {objective.metric!r}: see .errors for why")
        best_value, best = found[0]
        for value, result in found[1:]:
            if objective.better(value, best_value):
                best_value, best = value, result
        return best

    def get_dataframe(
        self, filter_metric: str | None = None, filter_mode: str | None = None
    ) -> "pd.DataFrame":
        """One row a result.

        Args:
            filter_metric: Ray Tune's: the report of a trial that counts; here it has one.
            filter_mode: The same.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        del filter_metric, filter_mode
        return data_frame(self._flat())


def data_frame(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Rows as a data frame.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("A data frame", "report") from error
    return pd.DataFrame(rows)
