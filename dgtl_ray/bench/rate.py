"""Measured trials per second: this engine against TVM's MetaSchedule, side by side in one run.

Same tasks, layout, target and cores. On both sides counting starts when the first round is over:
design spaces are read then, and all workers are warm. From there on every trial counts, failed ones
too, and all time until the last round is over. MetaSchedule takes as many candidates a round as it
does by default, 64. Another checkout of this program can be measured beside them, in turn with this
one.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dgtl_ray
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.rival_threads import all_cores
from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.errors import ExperimentError, InputError
from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import TargetSpec, load_network, parse_target


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is measured."""

    tasks: int
    trials: int  # after the first round
    per_round: int  # of MetaSchedule
    population: int  # of MetaSchedule's evolutionary search
    passes: int  # of each checkout, where there are two, in turn


# 64 a round and a population of 512 are MetaSchedule's own defaults: a round for each task counts.
_FULL = _Size(tasks=6, trials=384, per_round=64, population=512, passes=2)
_QUICK = _Size(tasks=1, trials=4, per_round=4, population=16, passes=1)
_NETWORK = "resnet18"
_SEED = 0
_HERE = Path(dgtl_ray.__file__).parents[1]
_PACE = Path(__file__).parent / "tools" / "pace.py"


def run(*, quick: bool, against: Path | None = None) -> BenchReport:
    """Rates on the convolutions of ResNet-18 that cost most; `quick` takes one task, few trials.

    Args:
        quick: A smoke run.
        against: Folder of another checkout, to be measured too.

    Raises:
        InputError: There is no checkout in that folder.
    """
    size = _QUICK if quick else _FULL
    target = parse_target("cpu")
    network = load_network(_NETWORK, target)
    tasks = sorted(network.tasks, key=lambda task: -task.weight * task.flop)[: size.tasks]
    checkouts = {"dgtl_ray": _HERE}
    if against is not None:
        checkouts["other checkout"] = against.absolute()
    rows = [_row(name, runs) for name, runs in _in_turn(checkouts, size).items()]
    rows.append(_row("MetaSchedule", [_metaschedule(tasks, target, size)]))
    ours, theirs = rows[0]["trials_per_s"], rows[-1]["trials_per_s"]
    figures = {"ratio": ours / theirs}
    if against is not None:
        figures["ratio to the other checkout"] = ours / rows[1]["trials_per_s"]
    return BenchReport(
        name="rate",
        tables=[BenchTable(title="measured trials per second, after the first round", rows=rows)],
        figures=figures,
        settings={"tasks": [task.name for task in tasks], "seed": _SEED, "quick": quick},
    )


def _in_turn(checkouts: Mapping[str, Path], size: _Size) -> dict[str, list[dict[str, Any]]]:
    """Runs of each checkout, each pass with a seed of its own."""
    for folder in checkouts.values():
        if not (folder / "dgtl_ray" / "engine").is_dir():
            raise InputError(f"--against {folder}: there is no checkout of dgtl_ray")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for number in range(size.passes if len(checkouts) > 1 else 1):
        request = {
            "network": _NETWORK,
            "tasks": size.tasks,
            "trials": size.trials,
            "seed": _SEED + number,
        }
        for name, folder in checkouts.items():
            runs[name].append(_answer(["-P", str(_PACE)], request, folder))
    return runs


def _row(name: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Trials a second of all runs together, and the share of search time of each phase.

    Raises:
        ExperimentError: Half of the trials failed, or more: a rate of failures tells nothing.
    """
    failed = sum(run["failed"] for run in runs)
    if 2 * failed >= sum(run["trials"] for run in runs):
        raise ExperimentError(f"{name}: {failed} trials failed: {runs[-1].get('error', '')}")
    trials, wall_s = (sum(run[key] for run in runs) for key in ("trials", "wall_s"))
    row = {"tuner": name, "trials": trials, "trials_per_s": trials / wall_s}
    for phase in ("proposing", "building", "timing"):
        spent = [run["spent"] for run in runs if "spent" in run]
        total_s = sum(times["total"] for times in spent)
        row[f"{phase}_share"] = sum(times[phase] for times in spent) / total_s if total_s else None
    row["failed"] = failed
    return row


def _metaschedule(tasks: Sequence[LayerTask], target: TargetSpec, size: _Size) -> dict[str, Any]:
    request = {
        "programs": {task.name: task.program for task in tasks},
        "target": target.json,
        "trials": size.trials,
        "per_round": size.per_round,
        "population": size.population,
        "workers": available_cores(),
        "seed": _SEED + 1,
    }
    return _answer(["-m", "dgtl_ray.bench.tools.metaschedule"], request, _HERE)


def _answer(program: Sequence[str], request: Mapping[str, Any], checkout: Path) -> dict[str, Any]:
    """What a Python program of a checkout answers to a request; both are JSON.

    Raises:
        ExperimentError: It failed; the text says how.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *program],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        env={**all_cores(), "PYTHONPATH": str(checkout)},
        cwd=checkout,  # `python -m`, by which workers start, imports from there first
    )
    if done.returncode != 0:
        raise ExperimentError(f"{program[-1]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
