"""Runs side by side, in a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dgtl_ray.core.measurement import Status
from dgtl_ray.report.page.progress import best_so_far
from dgtl_ray.report.page.quantity import Quantity, shared
from dgtl_ray.report.page.run_data import RunData, read_run

# Near the best of all runs: within this factor.
_NEAR = 1.05


def comparison_rows(runs: Sequence[str | RunData]) -> list[dict[str, Any]]:
    """One row a run: what it found, and the trials and seconds in which it came near the best.

    The best is that of all the runs of the same network and device kind, for the same target, by
    the sum of the layers' best latencies, or by what a function's metric costs; near it is within
    5 %. Seconds are of search, or from the first trial where a run did not note those of search.
    """
    read = [read_run(run) for run in runs]
    quantity = shared(data.quantity for data in read)
    curves = [best_so_far(data) for data in read]
    goals = [_goal(data, read, curves) for data in read]
    return [_row(*told, quantity) for told in zip(read, curves, goals, strict=True)]


def _goal(data: RunData, all_runs: Sequence[RunData], curves: Sequence[Any]) -> float:
    alike = [
        curve
        for other, curve in zip(all_runs, curves, strict=True)
        if _kind(other) == _kind(data) and np.isfinite(curve).any()
    ]
    return _NEAR * min((float(np.nanmin(curve)) for curve in alike), default=np.nan)


def _kind(data: RunData) -> tuple[str, str, str]:
    """What runs share whose latencies are comparable; generations may share a device's key."""
    device = data.rows[0].device_key if data.rows else ""
    return data.state.network_hash, device, data.state.target


def _row(data: RunData, best: Any, goal: float, quantity: Quantity) -> dict[str, Any]:
    near = np.flatnonzero(best <= goal)
    last = quantity.shown(best[-1:], "ms")
    tuned_s = ((data.result or {}).get("latency_s") or {}).get("tuned")
    return {
        "run": data.name,
        "network": data.state.network,
        "search": data.state.search,
        "seed": data.state.seed,
        "trials": len(data.searched),
        "failed": sum(row.status is not Status.OK for row in data.searched),
        "search (s)": None if data.state.spent is None else round(data.state.spent.total, 1),
        _heading(quantity): float(last[0]) if np.isfinite(last).any() else None,
        "network (ms)": None if tuned_s is None else 1e3 * tuned_s,
        "trials to 1.05 × best": int(near[0]) + 1 if len(near) else None,
        "seconds to it": round(float(data.seconds[near[0]]), 1) if len(near) else None,
    }


def _heading(quantity: Quantity) -> str:
    return "layers (ms)" if quantity.is_time else f"best {quantity.label('ms')}"
