"""Searchers of Ray Tune's on recorded kernels: how many trials until one is nearly the best."""

import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import optuna
from ray import tune
from ray.tune.search.basic_variant import BasicVariantGenerator
from ray.tune.search.optuna import OptunaSearch

from dgtl_ray.bench.tools.kept import Kept
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.table_history import write_history
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.seeds import stream
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.tables import read_tables
from dgtl_ray.searcher import DgtlSearch

NEAR = 1.05
_SOURCE_ROWS = 500
# Excluded configurations in a row that cost nothing.
_FREE = 20
_METRIC, _MODE = "latency_s", "min"
# The next configuration, and what to tell when it was tried: seconds, None where it failed.
Step = tuple[dict[str, Any], Callable[[float | None], None]]
Search = Callable[[], Step | None]


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is run; a search that is not near after `trials` counts as many."""

    seeds: int
    trials: int


_FULL = _Size(seeds=10, trials=500)
_QUICK = _Size(seeds=1, trials=60)


def run(
    *,
    quick: bool,
    tables: Path | None = None,
    searches: Sequence[str] | None = None,
    seeds: int | None = None,
    trials: int | None = None,
    runs: Path | None = None,
) -> BenchReport:
    """Trials until one is within 5 % of the optimum, by searcher and kernel.

    Each kernel in turn is the function, the others are its history. The searchers are driven by
    `suggest` and `on_trial_complete`, and `next_trial`, as `ray.tune.Tuner` drives them with one
    trial at a time, without its processes. DgtlSearch knows the kernel's restrictions; the others
    are told that a configuration which they exclude failed. Up to 20 such in a row cost nothing,
    more are a trial each: OptunaSearch may propose thousands, as it learns nothing of failures.

    Args:
        quick: One seed, 60 trials at most.
        tables: Folder of Kernel Tuner files, of one kernel on several devices.
        searches: Names of those that are compared; all where it is None.
        seeds: Runs of each.
        trials: The most of each run.
        runs: Folder that keeps what was run: it is not run again.

    Raises:
        InputError: No folder was given, or its files cannot be read.
    """
    if tables is None:
        raise InputError("bench searchers replays recorded kernels: give their folder by --tables")
    size = _QUICK if quick else _FULL
    size = _Size(seeds=seeds or size.seeds, trials=trials or size.trials)
    names = list(searches or _SEARCHES)
    if unknown := set(names) - set(_SEARCHES):
        raise InputError(f"no searcher {sorted(unknown)}: there are {list(_SEARCHES)}")
    recorded, kept = read_tables(tables), Kept[int](runs, int, int)
    needed: dict[tuple[str, str], list[int]] = defaultdict(list)
    # Seed by seed, so that a part of it is already something.
    for seed, target, name in product(range(size.seeds), recorded, names):
        count = partial(_trials_needed, target, recorded, name, seed, size.trials)
        called = f"{target.name} {name} {seed} of {size.trials}"
        needed[target.name, name].append(kept.get(called, count))
    means = {
        name: _mean([n for (_, of), all_ in needed.items() if of == name for n in all_])
        for name in names
    }
    ours = means.get("DgtlSearch + history")
    return BenchReport(
        name="searchers",
        tables=[
            BenchTable(
                title="trials until 1.05 × optimum, geometric mean over seeds",
                rows=[
                    {"kernel": table.name}
                    | {name: _mean(needed[table.name, name]) for name in names}
                    for table in recorded
                ],
            )
        ],
        figures={
            **{f"{name}, all kernels": mean for name, mean in means.items()},
            **{
                f"DgtlSearch + history ÷ {name}": ours / mean
                for name, mean in means.items()
                if ours and name != "DgtlSearch + history"
            },
        },
        settings={"seeds": size.seeds, "trials": size.trials, "source_rows": _SOURCE_ROWS},
    )


def _mean(numbers: Sequence[int]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def _trials_needed(
    target: RecordedTable, recorded: Sequence[RecordedTable], name: str, seed: int, most: int
) -> int:
    """Trials until one is near the optimum, `most` where none is."""
    others = [table for table in recorded if table is not target]
    with tempfile.TemporaryDirectory() as folder:
        step = _SEARCHES[name](target, others, seed, folder)
        for trial in range(1, most + 1):
            seconds = _next_allowed(target, step)
            if seconds is not None and seconds <= NEAR * target.optimum_s:
                return trial
    return most


def _next_allowed(target: RecordedTable, search: Search) -> float | None:
    """Try the next configuration that the kernel allows; its seconds, None where it failed."""
    for _ in range(_FREE + 1):
        step = search()
        if step is None:
            return None
        config, tell = step
        index = _index(target, config)
        cost_s = math.inf if index is None else float(target.cost_s[index])
        seconds = cost_s if math.isfinite(cost_s) else None
        tell(seconds)
        if index is not None:
            return seconds
    return None


def _index(target: RecordedTable, config: dict[str, Any]) -> int | None:
    """Where in the table a configuration is, None where it is not."""
    named = {knob.name: config[knob.name] for knob in target.space.knobs}
    try:
        row = target.space.row_of(json.dumps(named))
    except InputError:
        return None
    return int(target.space.index_of(row[None])[0])


def _dgtl(target: RecordedTable, others: Sequence[RecordedTable], seed: int, folder: str) -> Search:
    history = []
    if others:
        picked = [
            stream(seed, "history", other.name).permutation(other.space.size)[:_SOURCE_ROWS]
            for other in others
        ]
        history = [f"{folder}/history"]
        write_history(history[0], others, picked)
    search = DgtlSearch(
        target.space,
        _METRIC,
        _MODE,
        history=history,
        task=target.task_key,
        seed=seed,
        device=target.device,
    )
    return _driven(search)


def _alone(
    target: RecordedTable, others: Sequence[RecordedTable], seed: int, folder: str
) -> Search:
    del others
    return _dgtl(target, (), seed, folder)


def _optuna(
    target: RecordedTable, others: Sequence[RecordedTable], seed: int, folder: str
) -> Search:
    del others, folder
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = OptunaSearch(seed=seed)
    search.set_search_properties(_METRIC, _MODE, _domains(target))
    return _driven(search)


def _driven(search: Any) -> Search:
    """A `Searcher` of Ray Tune's, one trial at a time."""
    count = 0

    def step() -> Step | None:
        nonlocal count
        count += 1
        trial_id = str(count)
        config = search.suggest(trial_id)
        if not isinstance(config, dict):
            return None

        def tell(seconds: float | None) -> None:
            told = None if seconds is None else {_METRIC: seconds, "training_iteration": 1}
            search.on_trial_complete(trial_id, told, error=seconds is None)

        return config, tell

    return step


def _basic(
    target: RecordedTable, others: Sequence[RecordedTable], seed: int, folder: str
) -> Search:
    """Ray Tune's own, which draws at random and learns nothing."""
    del others
    tune.register_trainable("recorded", _never_run)
    generator = BasicVariantGenerator(random_state=seed)
    spec = {
        "run": "recorded",
        "config": _domains(target),
        "num_samples": 10**9,
        "storage_path": folder,
    }
    generator.add_configurations({"recorded": spec})

    def step() -> Step | None:
        trial = generator.next_trial()
        return None if trial is None else (trial.config, lambda _: None)

    return step


def _never_run(config: dict[str, Any]) -> None:
    del config


def _domains(target: RecordedTable) -> dict[str, Any]:
    return {knob.name: tune.choice(list(knob.levels)) for knob in target.space.knobs}


_Make = Callable[[RecordedTable, Sequence[RecordedTable], int, str], Search]
_SEARCHES: dict[str, _Make] = {
    "DgtlSearch + history": _dgtl,
    "DgtlSearch": _alone,
    "OptunaSearch": _optuna,
    "BasicVariantGenerator": _basic,
}
