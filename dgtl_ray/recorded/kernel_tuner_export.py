"""Rows of one task as a cache file that Kernel Tuner itself goes on from."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY, Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.history import (
    Exported,
    ParquetHistory,
    new_file,
    paths_of,
    require_some,
    whole_file,
)
from dgtl_ray.history.objectives import objective_of

_BUILD = (Status.BUILD_ERROR, Status.BUILD_TIMEOUT)
_MS = 1e3


def export_kernel_tuner(uri: str, file: str, where: str | None = None) -> Exported:
    """Write one task's rows on one device to a new cache file, whole or not at all.

    A configuration that was measured more than once is written as it was measured first. Kernel
    Tuner knows no other failures than of building and of running.

    Args:
        uri: Of the history.
        file: A new file.
        where: Which rows; what they are of must be one task on one device.

    Raises:
        InputError: No such history or rows, rows of several tasks, the file exists, or it cannot be
            written.
    """
    target = new_file(file)
    store = ParquetHistory(uri)
    store.require_rows()
    rows = [row for row in store.measurements(where) if row.config]
    require_some(len(rows), store.skipped, "row with a configuration")
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
    with whole_file(target) as hidden:
        text = _text(rows[0], names, list(configs.values()), objective, cache)
        hidden.write_text(text, encoding="utf-8")
    return Exported(
        out=file, count=len(cache), unit="configurations", skipped=paths_of(store.skipped)
    )


def _require_one_task(rows: Sequence[Measurement]) -> None:
    tasks = sorted({(row.task, row.workload_key, row.device_key, row.target) for row in rows})
    if len(tasks) == 1:
        return
    # Only where a device's generations differ in nothing else: targets are long.
    by_target = len({task[:3] for task in tasks}) < len(tasks)
    told = "; ".join(
        f"workload_key == '{key}' and device_key == '{device}'"
        + (f" and target == {target!r}" if by_target else "")
        + f" ({task})"
        for task, key, device, target in tasks[:5]
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
    told = [(row.cost_s, row.metrics) for row in rows if row.cost_s is not None]
    objective = objective_of(told)
    if objective is None:
        raise InputError(
            "the costs of these rows are none of their metrics: no cache file holds that"
        )
    return objective


def _key(objective: Objective) -> str:
    return "time" if objective.is_time else objective.metric


def _entry(row: Measurement, config: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    # Rows of earlier versions have repeats of objectives that are no times, too.
    times_s = row.repeats_s if objective.is_time else ()
    entry: dict[str, Any] = {**config, "times": [time_s * _MS for time_s in times_s]}
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
