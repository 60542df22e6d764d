"""What a search did against a recorded task, and how that is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray

# After so many trials a search is judged.
MILESTONES = (8, 16, 32, 64, 100, 200)


def deviation(numbers: FloatArray) -> float | None:
    """Standard deviation of a sample (n,); None of fewer than two, or where one is infinite."""
    if len(numbers) < 2 or not np.isfinite(numbers).all():
        return None
    return float(numbers.std(ddof=1))


@dataclass(frozen=True, kw_only=True)
class ReplayRun:
    """One search, trial by trial.

    Attributes:
        seed: Of the proposer, and of the draw of its history.
        best_s: Best latency so far, None until a trial was ok.
        cost_s: Recorded seconds of building and timing so far.
        status: How each trial ended.
        propose_s: Measured seconds of proposing and learning; a batch's stand at its first trial.
    """

    seed: int
    best_s: tuple[float | None, ...]
    cost_s: tuple[float, ...]
    status: tuple[Status, ...]
    propose_s: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "seed": self.seed,
            "best_s": list(self.best_s),
            "cost_s": list(self.cost_s),
            "status": [str(status) for status in self.status],
            "propose_s": list(self.propose_s),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ReplayRun":
        """What `as_dict` told."""
        return cls(
            seed=int(data["seed"]),
            best_s=tuple(data["best_s"]),
            cost_s=tuple(data["cost_s"]),
            status=tuple(Status(name) for name in data["status"]),
            propose_s=tuple(data["propose_s"]),
        )


@dataclass(frozen=True, kw_only=True)
class ReplayReport:
    """Runs of one search on one recorded task, which differ in their seeds."""

    table: str
    search: str
    optimum_s: float
    runs: tuple[ReplayRun, ...]

    def ratios(self, trials: int) -> FloatArray:
        """Best/optimum (runs,) after so many trials; infinite where none was ok by then.

        A run that ended before, its space exhausted, keeps what it found.
        """
        best_s = [run.best_s[: max(trials, 1)] for run in self.runs]
        last = [best[-1] if best and best[-1] is not None else inf for best in best_s]
        return np.array(last) / self.optimum_s

    def ratios_within(self, seconds: float) -> FloatArray:
        """Best/optimum (runs,) of the trials that ended within so many recorded seconds."""
        found = []
        for run in self.runs:
            trials = int(np.searchsorted(run.cost_s, seconds, side="right"))
            best_s = run.best_s[trials - 1] if trials else None
            found.append(inf if best_s is None else best_s)
        return np.array(found) / self.optimum_s

    def rows(self) -> list[dict[str, Any]]:
        """Best/optimum at the milestones and at the end, its spread, and what it cost."""
        longest = max(len(run.best_s) for run in self.runs)
        reached = [trials for trials in MILESTONES if trials < longest]
        return [{"trials": trials} | self.row(trials) for trials in [*reached, longest] if trials]

    def row(self, trials: int) -> dict[str, float | None]:
        """Best/optimum after so many trials over all runs, and the seconds it took.

        A mean is infinite where some run had found nothing; there is no spread of that.
        """
        ratios = self.ratios(trials)
        return {
            "mean": float(ratios.mean()),
            "std": deviation(ratios),
            "least": float(ratios.min()),
            "median": float(np.median(ratios)),
            "most": float(ratios.max()),
            "recorded_s": float(np.mean([sum(run.cost_s[:trials][-1:]) for run in self.runs])),
            "propose_s": float(np.mean([sum(run.propose_s[:trials]) for run in self.runs])),
        }

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "table": self.table,
            "search": self.search,
            "optimum_s": self.optimum_s,
            "runs": [run.as_dict() for run in self.runs],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ReplayReport":
        """What `as_dict` told."""
        return cls(
            table=str(data["table"]),
            search=str(data["search"]),
            optimum_s=float(data["optimum_s"]),
            runs=tuple(ReplayRun.from_dict(run) for run in data["runs"]),
        )
