"""How a candidate is timed: no longer than it takes to know."""

import math
import time
from collections.abc import Sequence
from typing import Any

from dgtl_ray.core.roles import EvaluatorConfig

# A first run pays for cold caches, fresh pages and sleeping threads. In a short one that can be
# most of the time, so it alone convicts nobody.
_TRUSTED_FIRST_RUN_S = 0.02
# Twice the last-level cache of nearly every CPU.
_FLUSH_BYTES = 256 << 20


def time_candidate(
    module: Any,
    entry: str,
    arguments: Sequence[Any],
    device: Any,
    evaluator: EvaluatorConfig,
    best_s: float | None,
) -> tuple[float, ...]:
    """Time a loaded candidate.

    The first run warms up. If it is more than `give_up_factor` times slower than `best_s`, it is
    the only repeat. Otherwise there are `repeat` repeats, each as many runs as fill
    `min_repeat_ms`, at least one.

    Returns:
        Seconds per run of each repeat.
    """
    kernel = module[entry]
    limit_s = math.inf if best_s is None else evaluator.give_up_factor * best_s
    run_s = _run_once(kernel, arguments, device)
    if run_s <= _TRUSTED_FIRST_RUN_S:
        run_s = _run_once(kernel, arguments, device)
    if run_s > limit_s:
        return (run_s,)
    number = max(1, math.ceil(evaluator.min_repeat_ms / 1e3 / run_s))
    if number == 1 and not evaluator.enable_cpu_cache_flush:
        # Long enough for the clock to be exact, so that nothing need be run only to be discarded.
        return tuple(_run_once(kernel, arguments, device) for _ in range(evaluator.repeat))
    evaluate = module.time_evaluator(
        entry,
        device,
        number=1 if evaluator.enable_cpu_cache_flush else number,
        repeat=evaluator.repeat,
        cache_flush_bytes=_FLUSH_BYTES if evaluator.enable_cpu_cache_flush else 0,
    )
    return tuple(float(repeat_s) for repeat_s in evaluate(*arguments).results)


def _run_once(kernel: Any, arguments: Sequence[Any], device: Any) -> float:
    """Wall-clock seconds of one run, its end awaited."""
    start_s = time.perf_counter()
    kernel(*arguments)
    device.sync()
    return time.perf_counter() - start_s
