"""Which configuration of a task wins, by its measurements alone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn


@dataclass(frozen=True, kw_only=True)
class BestConfig:
    """The winner of a task.

    Attributes:
        config: Configuration as JSON; `""` is the default schedule.
        latency_s: Median of the measurements that decided.
        measurement_ids: Those measurements.
    """

    config: str
    latency_s: float
    measurement_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Contender:
    """One configuration: its first-sight latency, and its latency when it was timed again."""

    config: str
    searched: tuple[Measurement, ...]
    confirmed: tuple[Measurement, ...]

    @property
    def deciding(self) -> tuple[Measurement, ...]:
        return self.confirmed or self.searched

    @property
    def latency_s(self) -> float:
        return _median_s(self.deciding)

    @property
    def first_sight_s(self) -> float:
        return _median_s(self.searched or self.confirmed)


def select_best(
    rows: Iterable[Measurement],
    *,
    workload_key: str,
    device_key: str,
    target: str,
    space_key: str | None = None,
) -> BestConfig | None:
    """The fastest configuration of a task on a device; None where no row of it was ok.

    The same rows in any order give the same winner. A configuration's latency is the median of its
    measurements; once it was timed again before a winner was named (stage `confirm`), those
    measurements alone count. A configuration that looked slower at first sight than one that was
    confirmed is out, and so is one that ever gave wrong results, or failed when it was confirmed.
    Only rows of one protocol are compared: those timed in a network before those timed alone, and
    of these such as say how much passed through the caches.

    Args:
        rows: Measurements, those of other tasks, devices and targets among them.
        workload_key: Of the task.
        device_key: Of the device.
        target: As it stands in the rows.
        space_key: Admits configurations of this design space only, and the default schedule.
    """
    own = [
        row
        for row in rows
        if (row.workload_key, row.device_key, row.target) == (workload_key, device_key, target)
        and (space_key is None or row.space_key == space_key or not row.config)
    ]
    contenders = _contenders(own)
    if not contenders:
        return None
    running = _in_the_running(_of_one_protocol(contenders))
    winner = min(running, key=lambda one: (one.latency_s, one.config))
    ids = sorted(row.measurement_id for row in winner.deciding)
    return BestConfig(config=winner.config, latency_s=winner.latency_s, measurement_ids=tuple(ids))


def _contenders(rows: Sequence[Measurement]) -> list[_Contender]:
    out = {row.config for row in rows if _disqualifies(row)}
    of_config: dict[str, list[Measurement]] = defaultdict(list)
    for row in rows:
        if row.cost_s is not None and row.config not in out:
            of_config[row.config].append(row)
    return [
        _Contender(
            config=config,
            searched=_latest([row for row in of if row.stage is not Stage.CONFIRM]),
            confirmed=_latest([row for row in of if row.stage is Stage.CONFIRM]),
        )
        for config, of in of_config.items()
    ]


def _protocol(row: Measurement) -> int:
    """How a row was timed: alone, alone with others' data passing through, in its network."""
    if row.timed_in is TimedIn.NETWORK:
        return 2
    return 0 if row.passed_bytes is None else 1


def _latest(rows: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Those that were timed by the best protocol among them."""
    best = max(map(_protocol, rows), default=0)
    return tuple(row for row in rows if _protocol(row) == best)


def _of_one_protocol(contenders: Sequence[_Contender]) -> list[_Contender]:
    """Contenders with rows of the best protocol only: times by two of them are not alike.

    A confirmation counts if it is by the best protocol of confirmations, a first sight if it is by
    that of first sights; who has neither is out.
    """
    searched = max((_protocol(one.searched[0]) for one in contenders if one.searched), default=0)
    confirmed = max((_protocol(one.confirmed[0]) for one in contenders if one.confirmed), default=0)
    found = [
        replace(
            one,
            searched=tuple(row for row in one.searched if _protocol(row) == searched),
            confirmed=tuple(row for row in one.confirmed if _protocol(row) == confirmed),
        )
        for one in contenders
    ]
    return [one for one in found if one.deciding]


def _disqualifies(row: Measurement) -> bool:
    failed_again = row.stage is Stage.CONFIRM and row.status is not Status.OK
    return failed_again or row.status is Status.WRONG_RESULT


def _in_the_running(contenders: Sequence[_Contender]) -> list[_Contender]:
    """Without those that were passed over when the others were chosen to be confirmed.

    Re-timed, the confirmed ones tend to look slower than at first sight; one lucky measurement of
    a configuration that was not even among them must not win by that.
    """
    bar_s = min((one.first_sight_s for one in contenders if one.confirmed), default=float("inf"))
    return [one for one in contenders if one.confirmed or one.first_sight_s < bar_s]


def _median_s(rows: Sequence[Measurement]) -> float:
    return median(row.cost_s for row in rows if row.cost_s is not None)
