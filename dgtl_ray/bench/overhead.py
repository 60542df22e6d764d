"""What a trial costs beyond the function that is tuned: here, in `ray.tune.Tuner`, in Optuna."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from ray import tune

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.short_call import CALL_S, METRIC, short_call
from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.core.errors import ExperimentError
from dgtl_ray.engine.session import ray_session
from dgtl_ray.tuner import Tuner

_CONCURRENCY = 2
_SEED = 0
_VALUES = range(64)
_MODE = "min"
_TRIALS, _QUICK_TRIALS = 500, 12


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """Seconds: all of a run, and until the function was first called."""

    wall_s: float
    start_s: float


def run(*, quick: bool, trials: int | None = None, rounds: int | None = None) -> BenchReport:
    """Overhead of a trial of a function of 10 ms, random proposals, two calls at once.

    Overhead is what a run takes longer than the function's calls would, shared among its trials:
    start and end of the run count, start of the Ray cluster does not, which all runs share. Here a
    trial is on disk before it counts and a call that dies costs nothing but itself; `ray.tune` is
    told to reuse its actors, as it would start a process for each trial otherwise; Optuna calls the
    function in threads of its own process and keeps its trials in memory.

    Args:
        quick: 12 trials.
        trials: Of each run.
        rounds: Runs of each, in turn; the median counts.
    """
    count = trials or (_QUICK_TRIALS if quick else _TRIALS)
    taken: dict[str, list[_Taken]] = {name: [] for name in _RUNS}
    with ray_session("local", num_cpus=_CONCURRENCY):
        for _ in range(rounds or 1):
            for name, tuned in _RUNS.items():
                taken[name].append(_timed(tuned, count))
    rows = [_row(name, all_of_it, count) for name, all_of_it in taken.items()]
    overhead_ms = {str(row["tuner"]): float(row["overhead_ms"]) for row in rows}
    ours, rays, _ = overhead_ms.values()
    return BenchReport(
        name="overhead",
        tables=[BenchTable(title="a trial of a function of 10 ms", rows=rows)],
        figures={
            **{f"{name}, ms a trial": value for name, value in overhead_ms.items()},
            "dgtl_ray ÷ ray.tune": ours / rays,
        },
        settings={
            "trials": count,
            "rounds": rounds or 1,
            "concurrency": _CONCURRENCY,
            "call_s": CALL_S,
            "seed": _SEED,
        },
    )


def _timed(tuned: Callable[[int, str], Sequence[float]], trials: int) -> _Taken:
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        calls = tuned(trials, folder)
        wall_s = time.time() - began
    if len(calls) != trials:
        raise ExperimentError(f"{len(calls)} of {trials} trials came to an end")
    return _Taken(wall_s=wall_s, start_s=min(calls) - began)


def _row(name: str, taken: Sequence[_Taken], trials: int) -> dict[str, str | float]:
    wall_s = statistics.median(one.wall_s for one in taken)
    start_s = statistics.median(one.start_s for one in taken)
    calls_s = trials * CALL_S / _CONCURRENCY
    return {
        "tuner": name,
        "wall_s": wall_s,
        "until the first call, s": start_s,
        "overhead_ms": 1e3 * (wall_s - calls_s) / trials,
        "without start, ms": 1e3 * (wall_s - start_s - calls_s) / trials,
    }


def _ours(trials: int, folder: str) -> list[float]:
    grid = Tuner(
        short_call,
        param_space={"x": list(_VALUES), "y": list(_VALUES)},
        tune_config=TuneConfig(
            num_samples=trials,
            search_alg="random",
            seed=_SEED,
            max_concurrent_trials=_CONCURRENCY,
        ),
        run_config=RunConfig(name="ours", storage_path=folder),
    ).fit()
    return [result.metrics["called"] for result in grid if result.error is None]


def _rays(trials: int, folder: str) -> list[float]:
    grid = tune.Tuner(
        short_call,
        param_space={"x": tune.choice(list(_VALUES)), "y": tune.choice(list(_VALUES))},
        tune_config=tune.TuneConfig(
            metric=METRIC,
            mode=_MODE,
            num_samples=trials,
            max_concurrent_trials=_CONCURRENCY,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="rays", storage_path=folder, verbose=0),
    ).fit()
    return [result.metrics["called"] for result in grid if result.error is None]


def _optunas(trials: int, folder: str) -> list[float]:
    del folder
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        config = {name: trial.suggest_categorical(name, list(_VALUES)) for name in ("x", "y")}
        told = short_call(config)
        trial.set_user_attr("called", told["called"])
        return told[METRIC]

    sampler = optuna.samplers.RandomSampler(seed=_SEED)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    study.optimize(objective, n_trials=trials, n_jobs=_CONCURRENCY)
    return [trial.user_attrs["called"] for trial in study.trials]


_RUNS: dict[str, Callable[[int, str], Sequence[float]]] = {
    "dgtl_ray": _ours,
    "ray.tune": _rays,
    "Optuna": _optunas,
}
