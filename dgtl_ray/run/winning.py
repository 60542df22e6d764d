"""Which of a layer's rows win, and what the default schedule takes beside the winner."""

from collections.abc import Sequence
from dataclasses import dataclass

from dgtl_ray.core.measurement import Measurement, TimedIn
from dgtl_ray.history import BestConfig, select_best


@dataclass(frozen=True, kw_only=True)
class Alone:
    """Seconds that a layer takes by itself, timed in one way.

    Attributes:
        default_s: With the default schedule; None where that was not measured.
        winner_s: With the winner; None where it was never timed as the default schedule was.
    """

    default_s: float | None
    winner_s: float | None


def best_of(rows: Sequence[Measurement]) -> BestConfig | None:
    """The winner among the rows of one task on one device, None where none was ok."""
    if not rows:
        return None
    return select_best(
        rows,
        workload_key=rows[0].workload_key,
        device_key=rows[0].device_key,
        target=rows[0].target,
    )


def place_of(best: BestConfig, rows: Sequence[Measurement]) -> TimedIn:
    """Where the measurements that decided were made.

    Args:
        best: The winner.
        rows: Those that it was chosen from.
    """
    decided = next(row for row in rows if row.measurement_id in best.measurement_ids)
    # Rows of a time when that was not kept are all of kernels alone.
    return decided.timed_in or TimedIn.ALONE


def alone(rows: Sequence[Measurement], winner: str) -> Alone:
    """The default schedule beside the winner, both timed alone.

    In the network only the best few are timed, and the default schedule is seldom one of them. Rows
    of a time when it was not kept how much passed through the caches count where no others are of
    both.

    Args:
        rows: Of one task on one device.
        winner: Its configuration.
    """
    by_itself = [row for row in rows if row.timed_in is not TimedIn.NETWORK]
    newer = [row for row in by_itself if row.passed_bytes is not None]
    older = [row for row in by_itself if row.passed_bytes is None]
    ways = [
        Alone(default_s=_latency_s(of, ""), winner_s=_latency_s(of, winner))
        for of in (newer, older)
    ]
    for way in ways:
        if way.default_s is not None and way.winner_s is not None:
            return way
    default_s = next((way.default_s for way in ways if way.default_s is not None), None)
    return Alone(default_s=default_s, winner_s=None)


def _latency_s(rows: Sequence[Measurement], config: str) -> float | None:
    best = best_of([row for row in rows if row.config == config])
    return None if best is None else best.latency_s
