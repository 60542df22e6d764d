"""A finished run, as its folder tells it."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.history import ParquetHistory, row_filter
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.run.winning import best_of


@dataclass(frozen=True)
class FinishedRun:
    """What was measured of each layer, and when."""

    folder: RunFolder

    @cached_property
    def state(self) -> RunState:
        """What the run noted of itself."""
        return self.folder.read()

    @cached_property
    def layers(self) -> dict[str, list[Measurement]]:
        """Its measurements by workload key, oldest first."""
        rows = ParquetHistory(self.state.history).measurements(row_filter(run_id=self.state.run_id))
        keys = dict.fromkeys(row.workload_key for row in rows)
        return {key: [row for row in rows if row.workload_key == key] for key in keys}

    @property
    def search_s(self) -> float:
        """Search time, all in."""
        return self.state.spent.total if self.state.spent else 0.0

    def winner(self, key: str) -> str | None:
        """Configuration of a layer that won."""
        best = best_of(self.layers.get(key, []))
        return None if best is None else best.config

    def trials(self, key: str) -> int:
        """Trials of a layer, confirmations left out."""
        return sum(row.stage is not Stage.CONFIRM for row in self.layers.get(key, []))

    def bests(self, key: str, within: float) -> list[str]:
        """Configurations that were a layer's fastest for a while, oldest first.

        Those that failed at any time are left out, and those that were more than `within` times
        slower than the fastest in the end.
        """
        rows = self.layers.get(key, [])
        failed = {row.config for row in rows if row.status is not Status.OK}
        good = [(row.cost_s, row.config) for row in rows if row.cost_s and row.config not in failed]
        limit_s = within * min((cost_s for cost_s, _ in good), default=0.0)
        found, fastest_s = list[str](), float("inf")
        for cost_s, config in good:
            if cost_s < fastest_s and cost_s <= limit_s and config not in found:
                found.append(config)
            fastest_s = min(fastest_s, cost_s)
        return found

    def found_s(self, key: str, config: str) -> float:
        """Search time until a configuration of a layer was measured."""
        return self.at_s(next(row for row in self.layers[key] if row.config == config))

    def at_s(self, row: Measurement) -> float:
        """Search time until a row of this run was measured."""
        moments, elapsed_s = self._rounds
        return elapsed_s[min(bisect_left(moments, row.created_at), len(elapsed_s) - 1)]

    @cached_property
    def _rounds(self) -> tuple[list[datetime], list[float]]:
        rounds = self.folder.rounds()
        if not rounds:
            raise InputError(f"{self.folder.uri} did not note its rounds: tune it anew")
        return [at for at, _ in rounds], [total for _, total in rounds]
