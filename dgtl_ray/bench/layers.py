"""On real layers: how soon `dgtl` with history finds what a long evolutionary search finds.

ResNet-18 is tuned twice on this machine: by `evolutionary`, with equally many trials of every
layer, and by `dgtl` with the history of other networks, in a share of that search time. What both
found is then built anew and timed in turn: a machine is not equally fast at all moments. All runs
are kept in one folder and used again, whoever made them; one that was interrupted goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.bench.tools.in_turn import time_in_turn
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.core.task import LayerTask
from dgtl_ray.history import ParquetHistory, row_filter
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.run.experiment import best_config

NETWORK = "resnet18"
# A layer was found by what is at most this factor slower than the long search's winner.
WITHIN = 1.03
# Of the long search's time.
SHARE = 0.25
# Configurations are timed in turn that seemed at most this factor slower than a search's fastest.
_HOPEFUL = 1.2
# The long search ends by itself: a limit must be given.
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is done.

    Attributes:
        sources: The networks that make history.
        source_s: Seconds that each of them is searched.
        layer_trials: Trials of each layer in the long search.
        passes: How often everything is timed in turn.
    """

    sources: tuple[str, ...]
    source_s: float
    layer_trials: int
    passes: int


_FULL = _Size(
    sources=("mobilenet_v1", "vgg16", "alexnet"), source_s=480.0, layer_trials=300, passes=5
)
_QUICK = _Size(sources=("alexnet",), source_s=10.0, layer_trials=2, passes=1)


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
        long = tuned_run(folder / "evolutionary", NETWORK, _long_search(size))
        short = tuned_run(folder / "dgtl", NETWORK, _short_search(long), uris)
        rows = _rows(long, short, uris, size.passes)
        return BenchReport(
            name="layers",
            tables=[BenchTable(title=f"{NETWORK}: search time until found", rows=rows)],
            figures=_figures(rows, long, short),
            settings={"history": uris, "trials a layer": size.layer_trials, "quick": quick},
        )


def _long_search(size: _Size) -> TuneConfig:
    return TuneConfig(
        search_alg="evolutionary",
        time_budget_s=_DAY_S,
        samples_per_layer=size.layer_trials,
        min_gain=0.0,
    )


def _short_search(long: FinishedRun) -> TuneConfig:
    return TuneConfig(search_alg="dgtl", time_budget_s=SHARE * long.search_s, min_gain=0.0)


def _source_histories(folder: Path, size: _Size, seconds: float) -> list[str]:
    """Histories of the source networks, each searched with those before it, as users would."""
    config = TuneConfig(search_alg="dgtl", time_budget_s=seconds, min_gain=0.0)
    uris: list[str] = []
    for name in size.sources:
        uris.append(tuned_run(folder / name, name, config, list(uris)).state.history)
    return uris


def _known(uris: Sequence[str], long: FinishedRun) -> dict[str, str]:
    """The fastest configuration, by workload key, that histories hold for the same device."""
    device = next(iter(long.layers.values()))[0].device_key
    where = row_filter(workload_key=list(long.layers), device_key=device)
    rows = [row for uri in uris for row in ParquetHistory(uri).measurements(where)]
    keys = dict.fromkeys(row.workload_key for row in rows)
    configs = {key: best_config([row for row in rows if row.workload_key == key]) for key in keys}
    return {key: config for key, config in configs.items() if config is not None}


@dataclass(frozen=True, kw_only=True)
class _Contest:
    """One layer.

    Attributes:
        task: The layer.
        long: Configuration of the long search's winner.
        short: The same of the other search, None where it found none.
        found_s: Configurations that may be as fast, and the search time until each was found.
    """

    task: LayerTask
    long: str
    short: str | None
    found_s: Mapping[str, float]

    @property
    def configs(self) -> list[str]:
        """All to be timed, the long search's winner first."""
        return list(dict.fromkeys([self.long, *self.found_s]))


def _contest(task: LayerTask, long: str, short: FinishedRun, known: str | None) -> _Contest:
    """A layer that the long search found something for.

    The short search may have found it with its winner, or with what seemed the fastest before. What
    history knew of the layer itself was found before the search began.
    """
    key = task.workload_key
    found_s = {config: short.found_s(key, config) for config in short.bests(key, _HOPEFUL)}
    winner = short.winner(key)
    if winner is not None:
        # Timed again, it may be one that never seemed the fastest before.
        found_s[winner] = short.found_s(key, winner)
    if known is not None:
        found_s[known] = 0.0
    return _Contest(task=task, long=long, short=winner, found_s=found_s)


def _rows(
    long: FinishedRun, short: FinishedRun, uris: Sequence[str], passes: int
) -> list[dict[str, Any]]:
    """The layers that the long search found something for, timed `passes` times in turn."""
    target = parse_target("cpu")
    known = _known(uris, long)
    contests = [
        _contest(task, winner, short, known.get(task.workload_key))
        for task in load_network(NETWORK, target).tasks
        if (winner := long.winner(task.workload_key)) is not None
    ]
    times = time_in_turn({each.task: each.configs for each in contests}, target, passes)
    return [_row(each, times[each.task.workload_key], long, short) for each in contests]


def _row(
    contest: _Contest, times: FloatArray, long: FinishedRun, short: FinishedRun
) -> dict[str, Any]:
    """One layer: what the winners take, and when each search had found it.

    Args:
        contest: The layer.
        times: Seconds (passes × configurations) of all its configurations.
        long: The search that sets the goal.
        short: The search that is to reach it.
    """
    key, configs = contest.task.workload_key, contest.configs
    ratios = np.median(times / times[:, :1], axis=0)
    ratio_of = dict(zip(configs, ratios, strict=True))
    reached = [s for config, s in contest.found_s.items() if ratio_of[config] <= WITHIN]
    found_s = min(reached, default=None)
    at = None if contest.short is None else configs.index(contest.short)
    return {
        "layer": contest.task.name,
        "weight": contest.task.weight,
        "evolutionary (us)": float(np.median(times[:, 0])) * 1e6,
        "dgtl (us)": None if at is None else float(np.median(times[:, at])) * 1e6,
        "dgtl ÷ evolutionary": None if at is None else float(ratios[at]),
        "evolutionary trials": long.trials(key),
        "dgtl trials": short.trials(key),
        "evolutionary found (s)": long.found_s(key, contest.long),
        "dgtl found (s)": found_s,
        "in time": found_s is not None and found_s <= SHARE * long.search_s,
    }


def _figures(
    rows: Sequence[dict[str, Any]], long: FinishedRun, short: FinishedRun
) -> dict[str, Any]:
    found = [row["dgtl found (s)"] for row in rows]
    all_s = None if None in found else max(found, default=0.0)
    return {
        "layers found in time": f"{sum(row['in time'] for row in rows)} of {len(rows)}",
        "all layers found (s)": all_s,
        "share of the long search's time": None if all_s is None else all_s / long.search_s,
        "evolutionary search (s)": long.search_s,
        "dgtl search (s)": short.search_s,
        "allowed (s)": SHARE * long.search_s,
        "network, evolutionary (ms)": _network_ms(rows, "evolutionary (us)"),
        "network, dgtl (ms)": _network_ms(rows, "dgtl (us)"),
    }


def _network_ms(rows: Sequence[dict[str, Any]], column: str) -> float | None:
    """Weighted sum of the layers' latencies; None where a layer has none."""
    if any(row[column] is None for row in rows):
        return None
    return float(sum(row["weight"] * row[column] for row in rows)) / 1e3
