"""Which layers the next trials go to."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# A layer of t trials is taken to have at least this much, divided by t, of its log-latency left to
# gain at the next trial: keeps every layer in the running, ever less often. After so many trials
# hope falls with their square: else what takes half of the network's time would get half of all
# trials, long after they win nothing.
_OPTIMISM = 0.3
_HOPEFUL_TRIALS = 64
# No layer falls behind this part of the mean number of trials, however little it promises: what is
# small in this network may be large in the next, which learns from this one's history.
_LEAST_SHARE = 0.25
# Of the network's latency: a layer that takes less is not kept up with the others. If it took no
# time at all, nobody would notice.
_NEGLIGIBLE = 3e-3
# Fewer trials of a layer do not tell all of what is left to gain; so many that failed, and none
# that ran, tell that the next ones may fail as well.
_TELLING_TRIALS = 32


@dataclass(kw_only=True)
class LayerRecord:
    """What the scheduler knows of a layer.

    Attributes:
        most: Trials that it may have.
        patience: Trials without a gain after which it is given no more.
        stale: Trials since the last gain.
    """

    name: str
    flop: float
    weight: int
    most: int | None = None
    patience: int | None = None
    trials: int = 0
    failed: int = 0
    best_s: float | None = None
    spent_s: float = 0.0
    exhausted: bool = False
    stale: int = 0
    _best_after: list[float] = field(default_factory=list)

    def add(self, cost_s: float | None, spent_s: float) -> None:
        """Count a trial: its cost, None where it failed, and the time it took to build and time."""
        self.trials += 1
        self.stale += 1
        self.spent_s += spent_s
        if cost_s is None:
            self.failed += 1
        elif self.best_s is None or cost_s < self.best_s:
            self.best_s, self.stale = cost_s, 0
        self._best_after.append(math.inf if self.best_s is None else self.best_s)

    def learn(self, cost_s: float) -> None:
        """Take note of a cost that another run measured: no trial of this one."""
        self.best_s = cost_s if self.best_s is None else min(self.best_s, cost_s)

    def left(self, given: int) -> float:
        """Trials that it may still have after `given` more."""
        if self.exhausted or (self.patience is not None and self.stale >= self.patience):
            return 0
        return math.inf if self.most is None else max(0, self.most - self.trials - given)

    def gain_per_second(self) -> float:
        """Expected seconds of network latency won for each second of search put into the layer.

        weight × best × (expected drop of log best at the next trial) ÷ (mean seconds of a trial).
        The drop is the mean over the later half of the layer's trials, or the optimistic
        `_OPTIMISM` / trials, from `_HOPEFUL_TRIALS` on ever less of it, where that is more.
        """
        if self.best_s is None or self.trials == 0:
            return math.inf
        half = self.trials // 2
        earlier = self._best_after[max(0, half - 1)]
        recent = math.log(earlier / self.best_s) / max(1, self.trials - half)
        hope = _OPTIMISM / self.trials * min(1.0, _HOPEFUL_TRIALS / self.trials)
        drop = max(recent if math.isfinite(recent) else 0.0, hope)
        return self.weight * self.best_s * drop * self.trials / max(self.spent_s, 1e-9)

    def later_gain_s(self) -> float:
        """Seconds of latency that the later half of the trials won.

        While these are few, the part that is lacking might win all of the latency. Infinite where
        there is none yet, as long as failures are few, too.
        """
        if self.left(0) <= 0:
            return 0.0
        if self.best_s is None:
            return math.inf if self.trials < _TELLING_TRIALS else 0.0
        half = self.trials // 2
        won_s = self._best_after[half - 1] - self.best_s if half else 0.0
        lacking = max(0.0, 1.0 - self.trials / _TELLING_TRIALS)
        return min(max(won_s, 0.0) + lacking * self.best_s, self.best_s)


def allocate(
    records: list[LayerRecord], total: int, chunk: int, on_way: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Share `total` trials out in chunks, the next to the layer that promises most.

    A layer's promise falls with what it was just given, as if those trials won nothing, so that a
    round spreads over layers when several promise alike. Layers that fell far behind the others
    come first, unless they are negligible. One that never ran is hoped for until its failures
    tell; then it is only kept from falling behind.

    Args:
        records: What is known of each layer.
        total: Trials to share out.
        chunk: Trials that a layer is given at a time.
        on_way: Trials of each layer that were given before, and have no outcome yet.

    Returns:
        Layer index -> trials, none for exhausted layers; empty when all are exhausted.
    """
    quota = dict.fromkeys(range(len(records)), 0)
    given = Counter(on_way)
    left = total
    small_s = _NEGLIGIBLE * _latency_s(records)
    while left > 0:
        open_layers = [k for k in quota if records[k].left(given[k]) > 0]
        if not open_layers:
            break
        kept_up = [k for k in open_layers if not _takes_less(records[k], small_s)]
        behind = [k for k in kept_up if _is_behind(records, given, k)]
        best = max(behind or open_layers, key=lambda k: _rank(records[k], given[k]))
        share = int(min(chunk, left, records[best].left(given[best])))
        given[best] += share
        quota[best] += share
        left -= share
    return {k: count for k, count in quota.items() if count > 0}


def remaining_gain(records: Sequence[LayerRecord]) -> float:
    """Share of the network's latency that is expected to be left to gain.

    Progress is taken to be logarithmic in trials: half as many trials again win no more than the
    later half of the trials so far did. What is lacking of `_TELLING_TRIALS` might win all that a
    layer takes. All is left while nothing ran at all, nothing once no layer may have trials.
    """
    latency_s = _latency_s(records)
    if latency_s == 0:
        return math.inf if any(record.left(0) > 0 for record in records) else 0.0
    return sum(record.weight * record.later_gain_s() for record in records) / latency_s


def _latency_s(records: Sequence[LayerRecord]) -> float:
    """Of the network, as far as it is known."""
    return sum(record.weight * (record.best_s or 0.0) for record in records)


def _takes_less(record: LayerRecord, latency_s: float) -> bool:
    """Whether all runs of a layer take less than that; not while nothing is known of it."""
    return record.best_s is not None and record.weight * record.best_s < latency_s


def _is_behind(records: Sequence[LayerRecord], given: Mapping[int, int], layer: int) -> bool:
    """Whether a layer has far fewer trials than the mean of all, those on their way included."""
    mean = (sum(record.trials for record in records) + sum(given.values())) / len(records)
    return records[layer].trials + given.get(layer, 0) < _LEAST_SHARE * mean


def _rank(record: LayerRecord, given: int) -> tuple[float, int]:
    """The greater, the sooner: what a layer promises; where several promise alike, the emptiest."""
    return _promise(record, given), -(record.trials + given)


def _promise(record: LayerRecord, given: int) -> float:
    if record.best_s is None or record.trials == 0:
        # Never measured: before all others, once. Failures alone promise nothing in the end.
        return math.inf if given == 0 and record.trials < _TELLING_TRIALS else 0.0
    return record.gain_per_second() * record.trials / (record.trials + given)
