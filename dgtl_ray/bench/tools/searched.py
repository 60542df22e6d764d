"""What a tuner did on a network: trial by trial, and the module that it ended with."""

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from shutil import rmtree

from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.bench.tools.metaschedule_tuning import FOUND, Trial, minute
from dgtl_ray.bench.tools.rival_threads import all_cores
from dgtl_ray.core.errors import ExperimentError
from dgtl_ray.core.measurement import Stage
from dgtl_ray.deploy import ModuleMetadata, compile_network, load, save_module, verify
from dgtl_ray.deploy.layout import METADATA
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.model import load_network, parse_target

_MODULE = "module"


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A finished search.

    Attributes:
        began: When, in UTC, to the minute.
        search_s: All in.
        spent: By phase, where the tuner tells it.
        trials: In the order in which they were known.
        module: Folder of the network as it was left.
    """

    began: str
    search_s: float
    spent: SearchTime | None
    trials: Sequence[Trial]
    module: Path

    @property
    def failed(self) -> int:
        """Trials that failed."""
        return sum(trial.cost_s is None for trial in self.trials)

    def latency_s(self, weights: Mapping[str, int], trials: int | None = None) -> float:
        """Of the network's layers, each as often as it is called, after so many trials.

        Infinite while a layer has none that ran.

        Args:
            weights: Calls of each layer, by workload key.
            trials: How many count; all without.
        """
        return _best_sum(self.trials[:trials], weights)

    def trial_s(self, trials: int) -> float:
        """Seconds of search until so many trials were known."""
        return self.trials[trials - 1].at_s if trials else 0.0

    def reaching_s(self, weights: Mapping[str, int], goal_s: float) -> float | None:
        """Seconds of search until the layers take no more than a goal; None where they never do."""
        best_s = dict.fromkeys(weights, math.inf)
        for trial in self.trials:
            _take(best_s, trial)
            if _sum(weights, best_s) <= goal_s:
                return trial.at_s
        return None


def best_of_all_s(searches: Iterable[Searched], weights: Mapping[str, int]) -> float:
    """Of the network's layers, with the best that any of the searches measured of each."""
    return _best_sum(chain.from_iterable(one.trials for one in searches), weights)


def searched(run: FinishedRun) -> Searched:
    """A run of ours."""
    rows = [row for of in run.layers.values() for row in of if row.stage is not Stage.CONFIRM]
    rows.sort(key=lambda row: row.trial)
    return Searched(
        began=minute(min(row.created_at for row in rows)),
        search_s=run.search_s,
        spent=run.state.spent,
        trials=[
            Trial(at_s=run.at_s(row), workload_key=row.workload_key, cost_s=row.cost_s)
            for row in rows
        ],
        module=run.folder.module,
    )


def metaschedule(network: str, folder: Path, layer_trials: int, seed: int, like: Path) -> Searched:
    """MetaSchedule on a network: in a process of its own, or as it was kept in the folder.

    Its winners are deployed as ours are, by the postprocessors that TVM's own deployment applies.

    Args:
        network: Built-in name.
        folder: Of what it writes.
        layer_trials: In all, times the layers.
        seed: Of its search.
        like: A module of ours of the same network, whose metadata this one takes.

    Raises:
        ExperimentError: It failed, or its winners give wrong answers; the text says how.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FOUND).exists():
        _run_metaschedule(network, folder, layer_trials, seed)
    found = json.loads((folder / FOUND).read_text())
    if not (folder / _MODULE).exists():
        _deploy(network, found["schedules"], folder / _MODULE, like)
    return Searched(
        began=found["began"],
        search_s=found["wall_s"],
        spent=None,
        trials=[Trial(**trial) for trial in found["trials"]],
        module=folder / _MODULE,
    )


def _run_metaschedule(network: str, folder: Path, layer_trials: int, seed: int) -> None:
    for unfinished in folder.glob("database_*.json"):  # it would go on from there, its clock at 0
        unfinished.unlink()
    request = {
        "network": network,
        "folder": str(folder.resolve()),
        "layer_trials": layer_trials,
        "seed": seed + 1,  # it takes 0 for none
    }
    with (folder / "log.txt").open("w") as log:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "dgtl_ray.bench.tools.metaschedule_tuning"],
            input=json.dumps(request),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=all_cores(),
        )
    if done.returncode != 0:
        told = (folder / "log.txt").read_text()[-2000:]
        raise ExperimentError(f"MetaSchedule ended with {done.returncode}:\n{told}")


def _deploy(network: str, schedules: Mapping[str, str], module: Path, like: Path) -> None:
    """Compile its winners and verify them; the module is there once its answers are right."""
    target = parse_target("cpu")
    loaded = load_network(network, target)
    metadata = ModuleMetadata.from_json((like / METADATA).read_text())
    unverified = module.with_name("unverified")
    rmtree(unverified, ignore_errors=True)
    save_module(
        compile_network(loaded, schedules, target), unverified, replace(metadata, history=())
    )
    if fault := verify(load(unverified), loaded).fault():
        raise ExperimentError(f"MetaSchedule's winners in {unverified}: {fault}")
    unverified.rename(module)


def _best_sum(trials: Iterable[Trial], weights: Mapping[str, int]) -> float:
    best_s = dict.fromkeys(weights, math.inf)
    for trial in trials:
        _take(best_s, trial)
    return _sum(weights, best_s)


def _take(best_s: dict[str, float], trial: Trial) -> None:
    if trial.cost_s is not None and trial.workload_key in best_s:
        best_s[trial.workload_key] = min(best_s[trial.workload_key], trial.cost_s)


def _sum(weights: Mapping[str, int], best_s: Mapping[str, float]) -> float:
    return sum(weight * best_s[key] for key, weight in weights.items())
