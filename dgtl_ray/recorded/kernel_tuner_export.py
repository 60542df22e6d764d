"""Rows of one task as a cache file that Kernel Tuner itself goes on from."""

import json
from collections.abc import Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY, Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.history import ParquetHistory

_BUILD = (Status.BUILD_ERROR, Status.BUILD_TIMEOUT)
_MS = 1e3


def export_kernel_tuner(uri: str, file: Path, where: str | None = None) -> int:
    """Write one task's rows on one device to a cache file; how many configurations it holds.

    A configuration that was measured more than once is written as it was measured first. Kernel
    Tuner knows no other failures than of building and of running.

    Args:
        uri: Of the history.
        file: A new file.
        where: Which rows; what they are of must be one task on one device.

    Raises:
        InputError: No such history or rows, rows of several tasks, or the file cannot be written.
    """
    store = ParquetHistory(uri)
    store.require_rows()
    rows = [row for row in store.measurements(where) if row.config]
    _require_one_task(rows)
    configs = {row.config: json.loads(row.config) for row in rows}
    firsts = {row.config: row for row in reversed(rows)}
    names = list(next(iter(configs.values())))
    if any(set(config) != set(names) for config in configs.values()):
        raise InputError("configurations of this task have unlike knobs: no cache file holds that")
    objective = _objective(rows)
    cache = {
        ",".join(str(configs[text][name]) for name in names): _entry(
            firsts[text], configs[text], objective
        )
        for text in configs
    }
    try:
        with file.open("x") as out:
            out.write(_text(rows[0], names, list(configs.values()), objective, cache))
    except OSError as error:
        raise InputError(f"cannot write {file}: {error}") from error
    return len(cache)


def _require_one_task(rows: Sequence[Measurement]) -> None:
    tasks = sorted({(row.task, row.workload_key, row.device_key) for row in rows})
    if not tasks:
        raise InputError("no row with a configuration matches: there is nothing to export")
    if len(tasks) > 1:
        told = "; ".join(
            f"workload_key == '{key}' and device_key == '{device}' ({task})"
            for task, key, device in tasks[:5]
        )
        raise InputError(
            f"a cache file is of one task on one device, these rows are of {len(tasks)}: choose "
            f"with --where, {told}"
        )


def _objective(rows: Sequence[Measurement]) -> Objective:
    """What the rows' costs were made of: a time, or one of their metrics.

    Raises:
        InputError: None of their metrics explains their costs.
    """
    fine = [row for row in rows if row.cost_s is not None]
    if all(row.metrics is None or row.metrics.get(LATENCY) == row.cost_s for row in fine):
        return Objective()
    names = dict.fromkeys(name for row in fine for name in row.metrics or {})
    for name in names:
        for mode in ("min", "max"):
            objective = Objective(metric=name, mode=mode)
            if all(_explains(objective, row) for row in fine):
                return objective
    raise InputError("the costs of these rows are none of their metrics: no cache file holds that")


def _explains(objective: Objective, row: Measurement) -> bool:
    value = (row.metrics or {}).get(objective.metric)
    if value is None or (objective.is_time and value <= 0):
        return False
    return isclose(objective.cost_of(value), row.cost_s or 0.0, rel_tol=1e-9)


def _key(objective: Objective) -> str:
    return "time" if objective.is_time else objective.metric


def _entry(row: Measurement, config: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    entry: dict[str, Any] = {**config, "times": [time * _MS for time in row.repeats_s]}
    if row.cost_s is None:
        failed = "CompilationFailedConfig" if row.status in _BUILD else "RuntimeFailedConfig"
        entry |= {"time": failed, _key(objective): failed}
    elif objective.is_time:
        entry["time"] = row.cost_s * _MS
    others = {name: value for name, value in (row.metrics or {}).items() if name != LATENCY}
    if LATENCY in (row.metrics or {}) and not objective.is_time:
        entry["time"] = (row.metrics or {})[LATENCY] * _MS
    return (
        entry
        | others
        | {
            "compile_time": row.build_s * _MS,
            "verification_time": 0,
            "benchmark_time": row.timing_s * _MS,
            "timestamp": row.created_at.isoformat(),
        }
    )


def _text(
    row: Measurement,
    names: Sequence[str],
    configs: Sequence[Mapping[str, Any]],
    objective: Objective,
    cache: Mapping[str, Any],
) -> str:
    """A line for each configuration, as Kernel Tuner writes it and looks for it."""
    kernel, _, size = row.task.partition(" ")
    values = {
        name: list({json.dumps(config[name]): config[name] for config in configs}.values())
        for name in names
    }
    header: dict[str, Any] = {
        "device_name": row.device["name"],
        "kernel_name": kernel,
        "tune_params_keys": list(names),
        "tune_params": values,
        "objective": _key(objective),
    }
    if size:
        header["problem_size"] = _size(size)
    head = json.dumps(header | {"cache": {}}, indent="")[:-3]
    lines = (json.dumps({key: entry})[1:-1] for key, entry in cache.items())
    return head + "\n" + ",\n".join(lines) + "}\n}"


def _size(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
