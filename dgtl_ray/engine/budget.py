"""How long a run may search, and why it ended."""

import math
from dataclasses import dataclass

from dgtl_ray.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Trials over all layers, seconds of search, or both: whichever ends first.

    Attributes:
        layer_trials: The most that one layer is given.
        layer_patience: A layer is given no more after so many trials without a gain.
        min_gain: The search also ends when this share of the network's latency, or less, is
            expected to be left to gain.

    Raises:
        InputError: A negative or missing limit.
    """

    trials: int | None = None
    time_s: float | None = None
    layer_trials: int | None = None
    layer_patience: int | None = None
    min_gain: float = 0.01

    def __post_init__(self) -> None:
        if self.trials is None and self.time_s is None:
            raise InputError("no budget: give a number of trials, a time budget, or both")
        if self.trials is not None and self.trials < 0:
            raise InputError(f"trials is {self.trials}: give 0 or more")
        for name in ("layer_trials", "layer_patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}: give 1 or more")
        if self.time_s is not None and not (math.isfinite(self.time_s) and self.time_s >= 0):
            raise InputError(f"time_budget_s is {self.time_s}: give a finite number, 0 or more")
        if not 0 <= self.min_gain < 1:
            raise InputError(f"min_gain is {self.min_gain}: give a share from 0 to below 1")

    def why_spent(self, trials: int, elapsed_s: float) -> str:
        """Why nothing more may be asked for, "" while something may."""
        if self.trials_left(trials) == 0:
            return f"the budget of {self.trials} trials is spent"
        if self.time_s is not None and elapsed_s >= self.time_s:
            return f"the budget of {self.time_s:g} s is spent"
        return ""

    def trials_left(self, trials: int) -> int | None:
        """Trials still allowed after `trials`, None where they are not limited."""
        return None if self.trials is None else max(0, self.trials - trials)

    def left_s(self, trials: int, elapsed_s: float, layers_left: float = math.inf) -> float | None:
        """Estimated seconds to the end, from the mean pace so far; None before the first trial.

        `layers_left` is how many trials all layers together may still have.
        """
        estimates = []
        if self.time_s is not None:
            estimates.append(max(0.0, self.time_s - elapsed_s))
        left = min(layers_left, math.inf if self.trials is None else self.trials - trials)
        if math.isfinite(left) and trials > 0:
            estimates.append(max(0.0, left) * elapsed_s / trials)
        return min(estimates, default=None)
