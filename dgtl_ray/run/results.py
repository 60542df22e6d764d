"""What a tuning run found: one result a layer, and the network as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgtl_ray.core.errors import DeployError, InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.deploy.layout import MODULE
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.grid import Grid, data_frame
from dgtl_ray.run.source_use import SourceUse
from dgtl_ray.storage import is_uri, join
from dgtl_ray.transfer.relatedness import Relatedness

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one layer task.

    Attributes:
        config: The winning configuration as JSON, `""` for the default schedule.
        latency_s: Its latency in seconds: the mean of its calls in the tuned network where that
            was looked into, else the median of the measurements that decided; None where nothing
            ran.
        timed_in: Where that was: `network`, or `alone`, as on a GPU; empty where nothing ran.
        measured_s: The median of the measurements that decided, None where nothing ran.
        default_s: Latency of the default schedule, timed alone; None where it was not measured.
        alone_s: Latency of the winner, timed as the default schedule was: what that compares with.
            None where it was never timed so.
        error: Why there is no winner, empty where there is one.
        untunable: Why the default schedule is all there is, empty where there are others.
        measurement_ids: The rows of history that decided.
        sources: How related each source of history turned out to be that was asked about it.
        path: Folder or address of the run.
    """

    task: str
    operator: str
    workload_key: str
    flop: float
    weight: int
    config: str
    latency_s: float | None
    measured_s: float | None
    default_s: float | None
    trials: int
    failed: int
    timed_in: str = ""
    alone_s: float | None = None
    error: str = ""
    untunable: str = ""
    measurement_ids: tuple[str, ...] = ()
    sources: tuple[Relatedness, ...] = ()
    path: str = ""

    @property
    def metrics_dataframe(self) -> "pd.DataFrame":
        """The metrics as a data frame of one row.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return data_frame([self.metrics])

    @property
    def metrics(self) -> dict[str, Any]:
        """The numbers by name, as Ray Tune gives them."""
        gflops = self.flop / self.latency_s / 1e9 if self.latency_s else None
        return {
            "latency_s": self.latency_s,
            "measured_s": self.measured_s,
            "default_s": self.default_s,
            "alone_s": self.alone_s,
            "gflops": gflops,
            "trials": self.trials,
            "failed": self.failed,
        }


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run as a whole, in the form that `--json` writes.

    Attributes:
        verified: Whether the tuned module gives the network's own answers.
        latency_s: Seconds of one inference: `tuned`, `untuned`, `pytorch`, `onnxruntime`,
            `openvino`, `mnn`, `ncnn`; None where a contender is missing.
        verdict: What to do where another runtime is faster, "" where none is.
        module: Address of the compiled module, "" where it failed verification.
        ended: Why the search ended; "" where nothing was searched.
        search_s: `total`, `proposing`, `building`, `timing`, `idle`.
        inside: The tuned network from inside: `network_s`, seconds of one inference; `layers_s`, of
            its layers; `beside_s`, what the difference is made of. None on a GPU.
        sources: What was learned from.
        devices: What timed, its state at the end, trials, busy seconds, faults by kind.
        memory_bytes: Peak of all processes together (`total`) and of the driver (`driver`).
    """

    network: str
    target: str
    device: str
    run_id: str
    search: str
    seed: int
    verified: bool
    max_relative_error: float
    trials: int
    failed: int
    latency_s: Mapping[str, float | None]
    search_s: Mapping[str, float]
    memory_bytes: Mapping[str, int]
    history: str
    module: str
    toolchain: Mapping[str, str]
    ended: str = ""
    inside: Mapping[str, Any] | None = None
    verdict: str = ""
    sources: tuple[SourceUse, ...] = ()
    devices: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = field(default=())


class ResultGrid(Grid[Result]):
    """One result a layer, in the order in which the network first runs them."""

    def __init__(self, results: Sequence[Result], summary: RunSummary, path: str = "") -> None:
        super().__init__(results, Objective(), path)
        self.summary = summary

    @property
    def module_path(self) -> Path | str:
        """Folder of the compiled module, or its address in a store: `dgtl_ray.load` takes both.

        Raises:
            DeployError: There is none: what was compiled gives wrong answers.
        """
        if not self.summary.module:
            raise DeployError(
                f"{self.summary.network} has no module: what was compiled failed verification"
            )
        return self.summary.module if is_uri(self.summary.module) else Path(self.summary.module)

    @property
    def errors(self) -> list[str]:
        """Why layers have no winner."""
        return [f"{r.task}: {r.error}" for r in self._results if r.error]

    def get_best_result(
        self,
        metric: str | None = None,
        mode: str | None = None,
        scope: str = "last",
        filter_nan_and_inf: bool = True,
    ) -> Result:
        """The layer on which tuning won most time in one inference, or the best by a metric.

        What it won is the default schedule's latency less the winner's, both timed alone. The
        arguments are those of `Grid.get_best_result`; `mode` is `min` where none is given.
        """
        if metric is None:
            return max(self._results, key=_gain_s)
        return super().get_best_result(metric, mode, scope, filter_nan_and_inf)

    def layers(self) -> list[dict[str, Any]]:
        """One dict a layer, JSON-ready."""
        return [
            {
                "id": k,
                "name": r.task,
                "operator": r.operator,
                "workload_key": r.workload_key,
                "flop": r.flop,
                "weight": r.weight,
                "config": r.config,
                **r.metrics,
                "timed_in": r.timed_in,
                "error": r.error,
                "untunable": r.untunable,
                "measurement_ids": r.measurement_ids,
                "sources": [{**asdict(s), "trusted": s.trusted} for s in r.sources],
            }
            for k, r in enumerate(self._results)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The whole run, JSON-ready."""
        return {**asdict(self.summary), "layers": self.layers()}

    def _flat(self) -> list[dict[str, Any]]:
        return self.layers()


def finished_grid(folder: RunFolder) -> ResultGrid:
    """What the network's run in a folder ended with; addresses are those of the folder now.

    Raises:
        InputError: It has not ended, or what it kept is damaged.
    """
    state, kept = folder.read(), folder.result()
    if kept is None:
        raise InputError(f"the run in {folder.uri} has not ended: fit() goes on with it")
    try:
        grid = _grid_of(kept, folder.uri)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"what the run in {folder.uri} kept is damaged: {error!r}") from error
    module = join(folder.uri, MODULE) if grid.summary.module else ""
    return ResultGrid(grid, replace(grid.summary, history=state.history, module=module), folder.uri)


def _grid_of(kept: Mapping[str, Any], path: str) -> ResultGrid:
    """The grid that `as_dict` told."""
    summary = _fields_of(RunSummary, kept)
    summary["sources"] = tuple(SourceUse(**_fields_of(SourceUse, one)) for one in kept["sources"])
    results = []
    for layer in kept["layers"]:
        told = {**_fields_of(Result, layer), "task": layer["name"], "path": path}
        asked = (Relatedness(**_fields_of(Relatedness, one)) for one in layer["sources"])
        # A run of an earlier version did not tell which measurements decided.
        decided = tuple(layer.get("measurement_ids", ()))
        results.append(Result(**{**told, "sources": tuple(asked), "measurement_ids": decided}))
    return ResultGrid(results, RunSummary(**summary), path)


def _fields_of(owner: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was told of the fields of a data class; what was a list is a tuple again."""
    return {
        field.name: tuple(value) if isinstance(value := told[field.name], list) else value
        for field in fields(owner)
        if field.name in told
    }


def _gain_s(result: Result) -> float:
    if result.alone_s is None or result.default_s is None:
        return 0.0
    return result.weight * (result.default_s - result.alone_s)
