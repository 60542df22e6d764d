"""Which layers the next trials go to."""

import math
from dataclasses import dataclass, field

# A layer of t trials is taken to have at least this much, divided by t, of its log-latency left to
# gain at the next trial: keeps every layer in the running, ever less often.
_OPTIMISM = 0.3


@dataclass(kw_only=True)
class LayerRecord:
    """What the scheduler knows of a layer; `most` is how many trials it may have."""

    name: str
    flop: float
    weight: int
    most: int | None = None
    trials: int = 0
    failed: int = 0
    best_s: float | None = None
    spent_s: float = 0.0
    exhausted: bool = False
    _best_after: list[float] = field(default_factory=list)

    def add(self, cost_s: float | None, spent_s: float) -> None:
        """Count a trial: its cost, None where it failed, and the time it took to build and time."""
        self.trials += 1
        self.spent_s += spent_s
        if cost_s is None:
            self.failed += 1
        elif self.best_s is None or cost_s < self.best_s:
            self.best_s = cost_s
        self._best_after.append(math.inf if self.best_s is None else self.best_s)

    def learn(self, cost_s: float) -> None:
        """Take note of a cost that another run measured: no trial of this one."""
        self.best_s = cost_s if self.best_s is None else min(self.best_s, cost_s)

    def left(self, given: int) -> float:
        """Trials that it may still have after `given` more."""
        if self.exhausted:
            return 0
        return math.inf if self.most is None else max(0, self.most - self.trials - given)

    def gain_per_second(self) -> float:
        """Expected seconds of network latency won for each second of search put into the layer.

        weight × best × (expected drop of log best at the next trial) ÷ (mean seconds of a trial).
        The drop is the mean over the later half of the layer's trials, or the optimistic
        `_OPTIMISM` / trials where that is more.
        """
        if self.best_s is None or self.trials == 0:
            return math.inf
        half = self.trials // 2
        earlier = self._best_after[max(0, half - 1)]
        recent = math.log(earlier / self.best_s) / max(1, self.trials - half)
        drop = max(recent if math.isfinite(recent) else 0.0, _OPTIMISM / self.trials)
        return self.weight * self.best_s * drop * self.trials / max(self.spent_s, 1e-9)


def allocate(records: list[LayerRecord], total: int, chunk: int) -> dict[int, int]:
    """Share `total` trials out in chunks, the next to the layer that promises most.

    A layer's promise falls with what it was just given, as if those trials won nothing, so that a
    round spreads over layers when several promise alike.

    Returns:
        Layer index -> trials, none for exhausted layers; empty when all are exhausted.
    """
    quota = dict.fromkeys(range(len(records)), 0)
    left = total
    while left > 0:
        open_layers = [k for k, record in enumerate(records) if record.left(quota[k]) > 0]
        if not open_layers:
            break
        best = max(open_layers, key=lambda k: _promise(records[k], quota[k]))
        share = int(min(chunk, left, records[best].left(quota[best])))
        quota[best] += share
        left -= share
    return {k: count for k, count in quota.items() if count > 0}


def _promise(record: LayerRecord, given: int) -> float:
    if record.best_s is None or record.trials == 0:
        # Never measured: before all others, the emptiest first.
        return math.inf if given == 0 else 0.0
    return record.gain_per_second() * record.trials / (record.trials + given)
