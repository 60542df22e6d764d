"""On real layers: how soon `dgtl` with history finds what a long evolutionary search finds.

ResNet-18 is tuned twice on this machine: by `evolutionary`, with equally many trials of every
layer, and by `dgtl` with the history of other networks, in a share of that search time and of those
trials. All runs are kept in one folder and used again, whoever made them; one that was interrupted
goes on.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from dgtl_ray.bench.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.experiment import best_of
from dgtl_ray.history import ParquetHistory, row_filter
from dgtl_ray.report import PlainMonitor
from dgtl_ray.runfolder import RunFolder, RunState
from dgtl_ray.tuner import RunConfig, TuneConfig, Tuner

NETWORK = "resnet18"
# A layer has been found when a trial is at most this factor slower than the long search's winner.
WITHIN = 1.03
# Of the long search's time, and of its trials of each layer.
SHARE = 0.25
# The long search ends by itself: a limit must be given.
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class _Size:
    """The networks that make history and how long each may search, and the long search's trials."""

    sources: tuple[str, ...]
    source_s: float
    layer_trials: int


_FULL = _Size(sources=("mobilenet_v1", "vgg16", "alexnet"), source_s=480.0, layer_trials=300)
_QUICK = _Size(sources=("alexnet",), source_s=10.0, layer_trials=2)


@dataclass(frozen=True)
class _Run:
    """A finished run, as its folder tells it."""

    folder: RunFolder

    @cached_property
    def state(self) -> RunState:
        return self.folder.read()

    @cached_property
    def layers(self) -> dict[str, list[Measurement]]:
        """Its measurements by workload key, oldest first."""
        rows = ParquetHistory(self.state.history).measurements(row_filter(run_id=self.state.run_id))
        keys = dict.fromkeys(row.workload_key for row in rows)
        return {key: [row for row in rows if row.workload_key == key] for key in keys}

    @property
    def search_s(self) -> float:
        """Search time, all in."""
        return self.state.spent.total if self.state.spent else 0.0

    @cached_property
    def _rounds(self) -> tuple[list[datetime], list[float]]:
        rounds = self.folder.rounds()
        if not rounds:
            raise InputError(f"{self.folder.uri} did not note its rounds: tune it anew")
        return [at for at, _ in rounds], [total for _, total in rounds]

    def best_s(self, key: str) -> float | None:
        """Latency of a layer's winner."""
        best = best_of(self.layers.get(key, []))
        return None if best is None else best.latency_s

    def trials(self, key: str) -> int:
        """Trials of a layer, confirmations left out."""
        return sum(row.stage is not Stage.CONFIRM for row in self.layers.get(key, []))

    def reached_s(self, key: str, limit_s: float) -> float | None:
        """Search time when a configuration of a layer first was as fast; None if none was.

        Configurations that failed at any time do not count.
        """
        rows = self.layers.get(key, [])
        failed = {row.config for row in rows if row.status is not Status.OK}
        good = [row for row in rows if row.config not in failed]
        first = next((row for row in good if row.cost_s and row.cost_s <= limit_s), None)
        return None if first is None else self._elapsed_s(first)

    def _elapsed_s(self, row: Measurement) -> float:
        moments, elapsed_s = self._rounds
        return elapsed_s[min(bisect_left(moments, row.created_at), len(elapsed_s) - 1)]


def run(
    *,
    quick: bool,
    runs: Path | None = None,
    history: Sequence[str] = (),
    time_budget: float | None = None,
) -> BenchReport:
    """Per layer the time until it was found; `quick` takes a few trials of each layer.

    Args:
        quick: A smoke run.
        runs: Folder of the runs: one named after each source network, `evolutionary` and `dgtl`.
        history: Histories to learn from, instead of runs of the source networks.
        time_budget: Seconds of search for each source network whose run is not there yet.

    Raises:
        InputError: No folder was given for runs that take long, or one of them cannot be used.
    """
    if runs is None and not quick:
        raise InputError("bench layers keeps runs that take long: give their folder by --runs")
    size = _QUICK if quick else _FULL
    with TemporaryDirectory() as temporary:
        folder = runs or Path(temporary)
        uris = list(history) or _source_histories(folder, size, time_budget or size.source_s)
        long = _tuned(
            folder / "evolutionary",
            NETWORK,
            TuneConfig(
                search_alg="evolutionary",
                time_budget_s=_DAY_S,
                samples_per_layer=size.layer_trials,
                min_gain=0.0,
            ),
        )
        budget_s = SHARE * long.search_s
        config = TuneConfig(
            search_alg="dgtl",
            time_budget_s=budget_s,
            samples_per_layer=math.ceil(SHARE * size.layer_trials),
            min_gain=0.0,
        )
        short = _tuned(folder / "dgtl", NETWORK, config, uris)
        known = _known(uris, long)
        rows = [_row(key, long, short, budget_s, known) for key in long.layers]
        return BenchReport(
            name="layers",
            tables=[BenchTable(title=f"{NETWORK}: search time until found", rows=rows)],
            figures=_figures(rows, long, short, budget_s),
            settings={"history": uris, "trials a layer": size.layer_trials, "quick": quick},
        )


def _source_histories(folder: Path, size: _Size, seconds: float) -> list[str]:
    config = TuneConfig(search_alg="evolutionary", time_budget_s=seconds, min_gain=0.0)
    return [_tuned(folder / name, name, config).state.history for name in size.sources]


def _tuned(folder: Path, network: str, config: TuneConfig, history: Sequence[str] = ()) -> _Run:
    """The finished run in a folder, made or gone on with where it is not finished."""
    there = RunFolder(folder)
    if not (there.has_run() and there.read().finished):
        monitor = PlainMonitor(Console(stderr=True), interval_s=60.0)
        Tuner(
            network,
            tune_config=config,
            run_config=RunConfig(
                name=folder.name, storage_path=folder.parent, compare=False, monitor=monitor
            ),
            history=history,
            resume=there.has_run(),
        ).fit()
    return _Run(there)


def _known(uris: Sequence[str], long: _Run) -> dict[str, float]:
    """Lowest cost, by workload key, that histories hold of the same layers on the same device."""
    device = next(iter(long.layers.values()))[0].device_key
    where = row_filter(workload_key=list(long.layers), device_key=device)
    best: dict[str, float] = {}
    for row in (row for uri in uris for row in ParquetHistory(uri).measurements(where)):
        if row.cost_s is not None:
            best[row.workload_key] = min(row.cost_s, best.get(row.workload_key, row.cost_s))
    return best


def _row(
    key: str, long: _Run, short: _Run, budget_s: float, known: Mapping[str, float]
) -> dict[str, Any]:
    """One layer: latencies of the winners, and when each search had found it.

    What history knows of the layer itself was found before the search began.
    """
    first = long.layers[key][0]
    goal_s, best_s = long.best_s(key), short.best_s(key)
    limit_s = WITHIN * (goal_s or 0.0)
    from_history = known.get(key, math.inf) <= limit_s
    found_s = 0.0 if from_history else short.reached_s(key, limit_s)
    return {
        "layer": first.task,
        "weight": first.weight,
        "evolutionary (us)": None if goal_s is None else goal_s * 1e6,
        "dgtl (us)": None if best_s is None else best_s * 1e6,
        "dgtl ÷ evolutionary": best_s / goal_s if best_s and goal_s else None,
        "evolutionary trials": long.trials(key),
        "dgtl trials": short.trials(key),
        "evolutionary found (s)": long.reached_s(key, limit_s),
        "dgtl found (s)": found_s,
        "in time": found_s is not None and found_s <= budget_s,
    }


def _figures(
    rows: Sequence[dict[str, Any]], long: _Run, short: _Run, budget_s: float
) -> dict[str, Any]:
    found = [row["dgtl found (s)"] for row in rows]
    all_s = None if None in found else max(found, default=0.0)
    return {
        "layers found in time": f"{sum(row['in time'] for row in rows)} of {len(rows)}",
        "all layers found (s)": all_s,
        "share of the long search's time": None if all_s is None else all_s / long.search_s,
        "evolutionary search (s)": long.search_s,
        "dgtl search (s)": short.search_s,
        "allowed (s)": budget_s,
        "network, evolutionary (ms)": _network_ms(rows, "evolutionary (us)"),
        "network, dgtl (ms)": _network_ms(rows, "dgtl (us)"),
    }


def _network_ms(rows: Sequence[dict[str, Any]], column: str) -> float | None:
    """Weighted sum of the layers' latencies; None where a layer has none."""
    if any(row[column] is None for row in rows):
        return None
    return float(sum(row["weight"] * row[column] for row in rows)) / 1e3
