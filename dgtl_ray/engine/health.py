"""When a device is trusted, restarted, set aside and given back."""

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class DeviceState(StrEnum):
    """What a device is doing."""

    STARTING = "starting"
    READY = "ready"
    QUARANTINED = "quarantined"
    LOST = "lost"  # its node is gone
    REFUSED = "refused"  # of another kind than the run's devices


class Fault(StrEnum):
    """How a device fails."""

    ABSENT = "absent"  # its process runs, and finds no such device
    DIED = "died"  # its process is gone, or cannot start
    HUNG = "hung"  # no answer in time
    SICK = "sick"  # a candidate failed, and so did the reference kernel
    ERRATIC = "erratic"  # the reference kernel's latency has drifted


@dataclass(frozen=True, kw_only=True)
class HealthPolicy:
    """How devices are watched.

    Attributes:
        restarts: Faults in a row that are answered by a restart at once; the next by quarantine.
        quarantine_s: Seconds of the first quarantine in a row; each further one is twice as long.
        longest_quarantine_s: The longest quarantine.
        sound_trials: Trials without a fault after which earlier faults are forgiven.
        drift: Relative change of the reference kernel's latency that flags a device.
        reference_every_s: Seconds between two timings of the reference kernel.
        grace_s: Seconds that a device may take beyond a trial's own limit before it counts as hung.
        start_s: Seconds that a device may take to start.
        find_every_s: Seconds between two looks for devices that joined the cluster.
        patience_s: Seconds without a single usable device after which the run ends.
    """

    restarts: int = 1
    quarantine_s: float = 60.0
    longest_quarantine_s: float = 1800.0
    sound_trials: int = 32
    drift: float = 0.10
    reference_every_s: float = 60.0
    grace_s: float = 30.0
    start_s: float = 180.0
    find_every_s: float = 5.0
    patience_s: float = 900.0


class DeviceHealth:
    """One device's record of faults."""

    def __init__(self, policy: HealthPolicy) -> None:
        self._policy = policy
        self._in_a_row = 0
        self._sound = 0
        self._baseline_s: float | None = None
        self._checked_at = -math.inf
        self.faults: Counter[Fault] = Counter()
        self.is_erratic = False

    def served(self) -> None:
        """A trial went through without a fault."""
        self._sound += 1
        if self._sound >= self._policy.sound_trials:
            self._in_a_row = 0

    def fail(self, fault: Fault) -> float:
        """Count a fault; the seconds of quarantine that it earns, 0 for a restart at once."""
        self.faults[fault] += 1
        self._in_a_row += 1
        self._sound = 0
        beyond = self._in_a_row - self._policy.restarts
        if beyond <= 0:
            return 0.0
        doubled_s = self._policy.quarantine_s * 2.0 ** min(beyond - 1, 30)
        return min(doubled_s, self._policy.longest_quarantine_s)

    def is_check_due(self, now_s: float) -> bool:
        """Whether the reference kernel should be timed again; it then counts as done."""
        if now_s - self._checked_at < self._policy.reference_every_s:
            return False
        self._checked_at = now_s
        return True

    def judge(self, reference_s: float) -> float:
        """Relative drift of the reference kernel from its first timing here; sets `is_erratic`."""
        if self._baseline_s is None:
            self._baseline_s = reference_s
        drift = reference_s / self._baseline_s - 1.0
        self.is_erratic = abs(drift) > self._policy.drift
        return drift
