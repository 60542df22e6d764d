"""How a candidate is timed: no longer than it takes to know."""

import math
import time
from collections.abc import Sequence
from typing import Any, Protocol

from dgtl_ray.core.roles import EvaluatorConfig

# A first run pays for cold caches, fresh pages and sleeping threads, about a millisecond: only a
# kernel that runs this long is judged by it.
_TELLING_RUN_S = 5e-3
# What a shorter one is judged by: as many runs as fill this time.
_PILOT_S = 1e-3
# Whoever seems hopeless has so many chances in all: a core that is taken away for some tens of
# milliseconds makes the best seem so, but seldom twice. What ran for longer was not just held up.
_CHANCES = 3
_LONGEST_HOLD_UP_S = 0.25
# Repeats, each of one run, that a short kernel gets: one run of some microseconds says little, and
# what passes through the caches before it takes longer than the run.
_MOST_REPEATS = 50


class Stage(Protocol):
    """Where a kernel runs: what it takes, and what it finds in the caches.

    Attributes:
        passed_bytes: Of other data, through the caches between two runs.
    """

    passed_bytes: int

    @property
    def arguments(self) -> Sequence[Any]:
        """What it takes, for runs whose time tells only roughly."""
        ...

    def runs_s(self, module: Any, entry: str, device: Any, count: int) -> tuple[float, ...]:
        """Seconds of each of `count` single runs, others' data having passed before each."""
        ...


class FlushedStage:
    """On a GPU: before each run so many bytes are written that nothing is left in the caches."""

    def __init__(self, arguments: Sequence[Any], passed_bytes: int) -> None:
        self.arguments = arguments
        self.passed_bytes = passed_bytes

    def runs_s(self, module: Any, entry: str, device: Any, count: int) -> tuple[float, ...]:
        """Seconds of each of `count` single runs, by the device's own account."""
        evaluate = module.time_evaluator(
            entry, device, number=1, repeat=count, cache_flush_bytes=self.passed_bytes
        )
        return tuple(float(run_s) for run_s in evaluate(*self.arguments).results)


def time_candidate(
    module: Any,
    entry: str,
    stage: Stage,
    device: Any,
    evaluator: EvaluatorConfig,
    best_s: float | None,
) -> tuple[float, ...]:
    """Time a loaded candidate.

    The first run warms up. If it, or for a short kernel a pilot after it, is more than
    `give_up_factor` times slower than `best_s`, and so it is when tried again, the fastest is the
    only repeat. Otherwise there are `repeat` repeats, each of one run; more where runs are short,
    up to 50, as many as fill `min_time_ms` by themselves.

    Returns:
        Seconds of each repeat.
    """
    runs = _Runs(module, entry, stage.arguments, device)
    limit_s = math.inf if best_s is None else evaluator.give_up_factor * best_s
    run_s = _first_look(runs, limit_s)
    if run_s > limit_s:
        return (run_s,)
    fill = math.ceil(evaluator.min_time_ms / 1e3 / run_s)
    count = max(evaluator.repeat, min(fill, _MOST_REPEATS))
    return stage.runs_s(module, entry, device, count)


def _first_look(runs: "_Runs", limit_s: float) -> float:
    """Seconds of a run, of the fastest where more are needed to say that it is beyond a limit."""
    run_s = runs.pilot()
    for _ in range(_CHANCES - 1):
        if run_s <= limit_s or run_s > _LONGEST_HOLD_UP_S:
            break
        run_s = min(run_s, runs.pilot())
    return run_s


class _Runs:
    """A kernel with its arguments, ready to run."""

    def __init__(self, module: Any, entry: str, arguments: Sequence[Any], device: Any) -> None:
        self._module = module
        self._entry = entry
        self._kernel = module[entry]
        self._arguments = arguments
        self._device = device

    def pilot(self) -> float:
        """Seconds of a run with whatever is in the caches, by as many as tell."""
        run_s = self._once()
        if run_s < _TELLING_RUN_S:
            run_s = self._mean(math.ceil(_PILOT_S / run_s))
        return run_s

    def _once(self) -> float:
        """Seconds of one run, timed from here: some microseconds are the call's."""
        start_s = time.perf_counter()
        self._kernel(*self._arguments)
        self._device.sync()
        return time.perf_counter() - start_s

    def _mean(self, number: int) -> float:
        """Seconds per run of `number` runs, timed without Python's share."""
        evaluate = self._module.time_evaluator(self._entry, self._device, number=number, repeat=1)
        return float(evaluate(*self._arguments).results[0])
