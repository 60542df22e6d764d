"""Reads the cache files of Kernel Tuner: one kernel on one GPU, configuration by configuration."""

import gzip
import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.measure.known_gpus import gpu_called, known_name
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.space import TableKnob, TableSpace
from dgtl_ray.space.table_knob import as_level

_GZIP = b"\x1f\x8b"
# What the file says instead of a time, and what it means. Any other text is an error of a run.
_FAILURES = {
    "CompilationFailedConfig": Status.BUILD_ERROR,
    "InvalidConfig": Status.BUILD_ERROR,
    "RuntimeFailedConfig": Status.RUN_ERROR,
}
# Old files give failed configurations this time instead of a text.
_FAILED_MS = 1e20

_Entries = list[Mapping[str, Any]]


def read_kernel_tuner(path: Path) -> RecordedTable:
    """The task that a cache file records.

    A file without a device's name is taken to be of the device that its own name mentions.

    Raises:
        InputError: The file cannot be read, or it is no cache file of Kernel Tuner.
    """
    data = _parse(path)
    try:
        entries: _Entries = list(data["cache"].values())
        space = _space(data, entries)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path} is no cache file of Kernel Tuner: {error!r}") from error
    stem = path.name.removesuffix(".gz").removesuffix(".json")
    status = tuple(_status(entry.get("time")) for entry in entries)
    ok = np.array([one is Status.OK for one in status], dtype=np.bool_)
    cost_s = np.full(len(entries), np.nan)
    cost_s[ok] = [entry["time"] / 1e3 for entry, fine in zip(entries, ok, strict=True) if fine]
    return RecordedTable(
        name=stem,
        task_key=f"{data.get('kernel_name', stem)} {data.get('problem_size', '')}".strip(),
        device=gpu_called(data.get("device_name") or known_name(stem) or stem),
        space=space,
        cost_s=cost_s,
        status=status,
        compile_s=_seconds(entries, "compile_time"),
        benchmark_s=_seconds(entries, "benchmark_time"),
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if content.startswith(_GZIP) else content).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the table {path}: {error}") from error
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        data = _parse_open_ended(path, text, error)
    if not isinstance(data, dict) or not isinstance(data.get("cache"), dict):
        raise InputError(f"{path} is no cache file of Kernel Tuner: it has no object `cache`")
    if not data["cache"]:
        raise InputError(f"{path} holds no configuration")
    return data


def _parse_open_ended(path: Path, text: str, error: json.JSONDecodeError) -> Any:
    """A file whose run was interrupted: Kernel Tuner writes the closing brackets at the end."""
    try:
        return json.loads(text.rstrip().rstrip(",") + "}}")
    except json.JSONDecodeError:
        raise InputError(f"{path} is damaged: {error}") from error


def _space(data: Mapping[str, Any], entries: _Entries) -> TableSpace:
    """The knobs with all values that the file declares, so that devices agree on the columns."""
    names = [str(name) for name in data["tune_params_keys"]]
    declared = data.get("tune_params", {})
    held = {name: [as_level(entry[name]) for entry in entries] for name in names}
    knobs = [
        TableKnob.of(name, [*map(as_level, declared.get(name, ())), *held[name]]) for name in names
    ]
    columns = [[knob.index[level] for level in held[knob.name]] for knob in knobs]
    rows: IntArray = np.array(columns, dtype=np.int32).reshape(len(knobs), len(entries)).T
    return TableSpace(knobs, rows)


def _status(time: Any) -> Status:
    if isinstance(time, str):
        return _FAILURES.get(time, Status.RUN_ERROR)
    fine = isinstance(time, int | float) and isfinite(time) and 0 < time < _FAILED_MS
    return Status.OK if fine else Status.RUN_ERROR


def _seconds(entries: _Entries, name: str) -> FloatArray:
    """A column of milliseconds in seconds; what was not recorded cost nothing."""
    return np.array([float(entry.get(name) or 0.0) for entry in entries]) / 1e3
