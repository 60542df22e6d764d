"""What a run tells while it goes on."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class LayerProgress:
    """One line of the live table; `best_s` is None until a trial of the layer was ok."""

    name: str
    flop: float
    weight: int
    best_s: float | None
    trials: int
    failed: int
    done: bool


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A run at one moment; `left_s` is an estimate, None where nothing can be said yet."""

    layers: tuple[LayerProgress, ...]
    phase: str
    elapsed_s: float
    left_s: float | None

    @property
    def trials(self) -> int:
        """Trials of all layers."""
        return sum(layer.trials for layer in self.layers)

    @property
    def failed(self) -> int:
        """Failed trials of all layers."""
        return sum(layer.failed for layer in self.layers)

    @property
    def network_s(self) -> float | None:
        """Weighted sum of the layers' best latencies, None until every layer has one."""
        if any(layer.best_s is None for layer in self.layers):
            return None
        return sum(layer.weight * (layer.best_s or 0.0) for layer in self.layers)


class Monitor(Protocol):
    """Shows a run to its user."""

    def update(self, progress: Progress) -> None:
        """Show where the run is. Called between rounds, never while a candidate is timed."""
        ...

    def note(self, text: str) -> None:
        """Tell one thing that happened."""
        ...

    def close(self) -> None:
        """The run has ended."""
        ...


class SilentMonitor:
    """Shows nothing."""

    def update(self, progress: Progress) -> None:
        """Nothing to show."""

    def note(self, text: str) -> None:
        """Nothing to tell."""

    def close(self) -> None:
        """Nothing to end."""
