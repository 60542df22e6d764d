"""How a candidate is timed: no longer than it takes to know."""

import math
import time
from collections.abc import Sequence
from typing import Any

from dgtl_ray.core.roles import EvaluatorConfig
from dgtl_ray.measure.runtime_device import Flush

# A first run pays for cold caches, fresh pages and sleeping threads, about a millisecond: only a
# kernel that runs this long is judged by it.
_TELLING_RUN_S = 5e-3
# What a shorter one is judged by: as many runs as fill this time.
_PILOT_S = 1e-3
# Whoever seems hopeless has so many chances in all: a core that is taken away for some tens of
# milliseconds makes the best seem so, but seldom twice. What ran for longer was not just held up.
_CHANCES = 3
_LONGEST_HOLD_UP_S = 0.25


def time_candidate(
    module: Any,
    entry: str,
    arguments: Sequence[Any],
    device: Any,
    evaluator: EvaluatorConfig,
    best_s: float | None,
    flush: Flush | None = None,
) -> tuple[float, ...]:
    """Time a loaded candidate.

    The first run warms up. If it, or for a short kernel a pilot after it, is more than
    `give_up_factor` times slower than `best_s`, and so it is when tried again, the fastest is the
    only repeat. Otherwise there are `repeat` repeats, each as many runs as fill `min_repeat_ms`,
    at least one; with a `flush`, each is one run, and there are more of them where runs are short.

    Returns:
        Seconds per run of each repeat.
    """
    runs = _Runs(module, entry, arguments, device)
    limit_s = math.inf if best_s is None else evaluator.give_up_factor * best_s
    run_s = _first_look(runs, limit_s)
    if run_s > limit_s:
        return (run_s,)
    number = math.ceil(evaluator.min_repeat_ms / 1e3 / run_s)
    if flush is not None:
        repeat = max(evaluator.repeat, min(number, flush.most_repeats))
        return runs.repeated(number=1, repeat=repeat, flush_bytes=flush.size_bytes)
    if number <= 1:
        # Long enough for any clock, so that nothing need be run only to be discarded.
        return tuple(runs.once() for _ in range(evaluator.repeat))
    return runs.repeated(number=number, repeat=evaluator.repeat)


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

    def once(self) -> float:
        """Seconds of one run, timed from here: tens of microseconds are the call's."""
        start_s = time.perf_counter()
        self._kernel(*self._arguments)
        self._device.sync()
        return time.perf_counter() - start_s

    def pilot(self) -> float:
        """Seconds of a run, by as many as tell."""
        run_s = self.once()
        if run_s < _TELLING_RUN_S:
            (run_s,) = self.repeated(number=math.ceil(_PILOT_S / run_s), repeat=1)
        return run_s

    def repeated(self, *, number: int, repeat: int, flush_bytes: int = 0) -> tuple[float, ...]:
        """Seconds per run of each of `repeat` times `number` runs, timed without Python's share."""
        evaluate = self._module.time_evaluator(
            self._entry, self._device, number=number, repeat=repeat, cache_flush_bytes=flush_bytes
        )
        return tuple(float(run_s) for run_s in evaluate(*self._arguments).results)
