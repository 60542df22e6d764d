"""What an experienced eye would notice in a run, in plain words."""

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.report.page.progress import best_so_far
from dgtl_ray.report.page.run_data import RunData, read_run

# A share of failed trials that is worth a word.
_MANY_FAILED = 0.2
# Trials at the end without gain that are: so many, and this share of all.
_LONG_STILL, _STILL_SHARE = 100, 0.3
_WORTH_IT = 0.995
# Predictions of fewer trials say little of calibration.
_FEWEST = 20
_LEVEL = 0.9


def findings(run: str | RunData) -> list[str]:
    """Sentences, each of one thing that stands out; none where nothing does."""
    data = read_run(run)
    return [word for look in _LOOKS for word in look(data)]


def _failures(data: RunData) -> list[str]:
    rows = data.searched
    failed = [row for row in rows if row.status is not Status.OK]
    if not rows or len(failed) < _MANY_FAILED * len(rows):
        return []
    kind, count = Counter(row.status for row in failed).most_common(1)[0]
    example = next(row.error for row in failed if row.status is kind)
    return [
        f"{len(failed) / len(rows):.0%} of trials failed, most often with {kind} ({count}): "
        f"{(example.splitlines() or ['no reason was told'])[0][:120]}"
    ]


def _still(data: RunData) -> list[str]:
    best_s = best_so_far(data)
    known = best_s[np.isfinite(best_s)]
    if not len(known):
        return ["some layers were never measured: their default schedules are used"] * bool(
            data.searched
        )
    reached = int(np.argmax(best_s <= known[-1] / _WORTH_IT))
    still = len(best_s) - 1 - reached
    if still < max(_LONG_STILL, _STILL_SHARE * len(best_s)):
        return []
    return [f"no gain of more than 0.5 % in the last {still} of {len(best_s)} trials"]


def _calibration(data: RunData) -> list[str]:
    over, under = [], []
    reach = NormalDist().inv_cdf(0.5 + _LEVEL / 2)
    for rows in data.layers.values():
        told = [row for row in rows if row.cost_s and row.predicted_mean is not None]
        if len(told) < _FEWEST:
            continue
        held = np.mean([_is_inside(row, reach) for row in told])
        spread = np.sqrt(_LEVEL * (1 - _LEVEL) / len(told))
        if held < _LEVEL - 3 * spread - 0.1:
            over.append(rows[0].task)
        elif held > _LEVEL + 3 * spread:
            under.append(rows[0].task)
    words = []
    if over:
        words.append(
            f"predictions are overconfident on {len(over)} of {len(data.layers)} layers: "
            f"{', '.join(over[:4])}"
        )
    if under:
        words.append(f"predictions are too cautious on {len(under)} layers: {', '.join(under[:4])}")
    return words


def _is_inside(row: Measurement, reach: float) -> bool:
    away = np.log(row.cost_s or np.nan) - (row.predicted_mean or 0.0)
    return bool(abs(away) <= reach * (row.predicted_std or 0.0))


def _noise(data: RunData) -> list[str]:
    """Whether what was timed again in the same way took as long as before."""
    first = {_timed(row): row.cost_s for row in reversed(data.searched) if row.cost_s}
    again = [
        abs(np.log(row.cost_s / first[_timed(row)]))
        for row in data.rows
        if row.stage is Stage.CONFIRM and row.cost_s and _timed(row) in first
    ]
    if len(again) < _FEWEST or (typical := float(np.median(again))) < 0.1:
        return []
    return [
        f"timings are noisy: measured again, the best differ by {typical:.0%} in the median; is "
        "something else running?"
    ]


def _timed(row: Measurement) -> tuple[object, ...]:
    """What was timed, and how: in the network, or past other data, it takes another time."""
    return row.workload_key, row.config, row.timed_in, row.passed_bytes


def _faster(data: RunData) -> list[str]:
    verdict = (data.result or {}).get("verdict")
    return [str(verdict)] if verdict else []


def _idle(data: RunData) -> list[str]:
    spent = data.state.spent
    if spent is None or spent.total < 60 or spent.idle < 0.15 * spent.total:
        return []
    return [f"the search was idle for {spent.idle / spent.total:.0%} of its time"]


def _unfinished(data: RunData) -> list[str]:
    return [] if data.state.finished else ["the run has not ended: --resume goes on with it"]


_LOOKS: Sequence[Callable[[RunData], list[str]]] = (
    *(_unfinished, _faster, _failures, _still),
    *(_calibration, _noise, _idle),
)
