"""A tuned network from inside: what its layers take alone, as they are timed, and within it.

Alone, a layer that runs again and again finds its weights in the caches. As it is timed in a
search, as many bytes have passed through them as do in the network. Within the network it finds
whatever is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.bench.tools.in_turn import time_in_turn
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.inside import Inside
from dgtl_ray.core.task import ALONE, LayerTask
from dgtl_ray.deploy import look_inside
from dgtl_ray.model import keys_of_functions, load_network, parse_target
from dgtl_ray.model.checking.choosing import require_right
from dgtl_ray.run.folder import RunFolder

_PASSES = 3
_COLUMNS = ("alone (us)", "as timed (us)", "inside (us)")


def run(*, quick: bool, runs: Path | None = None) -> BenchReport:
    """Each layer's latency in three ways, and the sums beside the network's.

    Args:
        quick: Time everything once instead of three times.
        runs: Folder of a finished run on this machine.

    Raises:
        InputError: No run was given, or it cannot be used.
    """
    if runs is None:
        raise InputError("bench inside looks into a finished run: give its folder by --runs")
    finished = FinishedRun(RunFolder(runs))
    target = parse_target(finished.state.target)
    network, _ = require_right(load_network(finished.state.network, target), target)
    winners = {
        task: finished.winner(task.workload_key)
        for task in network.tasks
        if finished.winner(task.workload_key) is not None
    }
    asked = {task: [config or ""] for task, config in winners.items()}
    passes = 1 if quick else _PASSES
    alone = time_in_turn({_by_itself(t): of for t, of in asked.items()}, target, passes)
    timed = time_in_turn(asked, target, passes)
    inside = look_inside(runs / "module")
    of_key = _by_key(inside, keys_of_functions(network.module))
    rows = [
        _row(
            task,
            float(np.median(alone[task.workload_key])),
            float(np.median(timed[task.workload_key])),
            of_key[task.workload_key],
        )
        for task in winners
        if task.workload_key in of_key
    ]
    return BenchReport(
        name="inside",
        tables=[BenchTable(title=f"{network.name}: each layer's latency", rows=rows)],
        figures=_figures(rows, inside),
        settings={"run": str(runs), "passes": passes},
    )


def _by_itself(task: LayerTask) -> LayerTask:
    """The task as if it belonged to no network."""
    return replace(task, surroundings=ALONE)


def _by_key(inside: Inside, keys: Mapping[str, str]) -> dict[str, float]:
    """Mean seconds of a call in the network, by workload key."""
    of_key: dict[str, list[float]] = {}
    for name, seconds in inside.calls:
        if name in keys:
            of_key.setdefault(keys[name], []).append(seconds)
    return {key: float(np.mean(seconds)) for key, seconds in of_key.items()}


def _row(task: LayerTask, alone_s: float, timed_s: float, inside_s: float) -> dict[str, Any]:
    return {
        "layer": task.name,
        "weight": task.weight,
        **{
            column: round(seconds * 1e6, 1)
            for column, seconds in zip(_COLUMNS, (alone_s, timed_s, inside_s), strict=True)
        },
        "alone ÷ inside": round(alone_s / inside_s, 3),
        "as timed ÷ inside": round(timed_s / inside_s, 3),
    }


def _figures(rows: Sequence[Mapping[str, Any]], inside: Inside) -> dict[str, Any]:
    """Sums over all calls, and how far single layers are off."""
    sums = {name: sum(row["weight"] * row[name] for row in rows) / 1e3 for name in _COLUMNS}
    errors = {
        name: float(np.median([abs(np.log(row[f"{name} ÷ inside"])) for row in rows]))
        for name in ("alone", "as timed")
    }
    parts = {f"beside layers: {name} (us)": s * 1e6 for name, s in inside.parts_s().items()}
    return {
        **{f"sum {name.replace('us', 'ms')}": value for name, value in sums.items()},
        **{f"median |log ratio|, {name}": value for name, value in errors.items()},
        "network (ms)": inside.network_s * 1e3,
        "network ÷ layers": inside.network_s / inside.layers_s,
        **parts,
    }
