"""Kernel Tuner's cache files, of all versions, finished or not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY, Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.bounded import parse_json, read_text
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.values import expecting, judged, moment_of, number, seconds

# What the file says instead of a number, and what it means. Any other text is an error of a run.
FAILURES = {
    "CompilationFailedConfig": Status.BUILD_ERROR,
    "InvalidConfig": Status.BUILD_ERROR,
    "RuntimeFailedConfig": Status.RUN_ERROR,
}
# Old files give failed configurations this time instead of a text.
_FAILED = 1e20
_TIME, _ERROR = "time", "__error__"
_MS = 1e-3
# Objectives that Kernel Tuner knows by name; of another the user must say which way is better.
_MODES = {
    **dict.fromkeys((_TIME, "energy", "cost", "loss"), "min"),
    **dict.fromkeys(("fitness", "GFLOP/s", "TFLOP/s", "GB/s", "TB/s"), "max"),
    **dict.fromkeys(("GFLOPS/W", "TFLOPS/W", "GFLOP/J", "TFLOP/J"), "max"),
}
_DURATIONS = tuple(
    f"{what}_time" for what in ("compile", "benchmark", "verification", "framework", "strategy")
)
_NO_METRICS = frozenset(("times", "timestamp", _TIME, _ERROR, *_DURATIONS))

_Entry = Mapping[str, Any]


class KernelTuner:
    """One kernel on one GPU, configuration by configuration; see `Importer`."""

    name = "kernel-tuner"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del path
        return head.lstrip()[:1] == b"{" and (b'"tune_params_keys"' in head or b'"cache"' in head)

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        data = _parse(path)
        with expecting(f"{path} is no cache file of Kernel Tuner"):
            return [_task(path, data, hints)]


def _parse(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        data = parse_json(text, str(path))
    except InputError as error:
        data = _parse_open(path, text.rstrip(), error)
    if not isinstance(data, dict) or not isinstance(data.get("cache"), dict):
        raise InputError(f"{path} is no cache file of Kernel Tuner: it has no object `cache`")
    if not data["cache"]:
        raise InputError(f"{path} holds no configuration")
    return data


def _parse_open(path: Path, text: str, error: InputError) -> Any:
    """A file whose run was interrupted: the closing brackets are written at the end.

    Each configuration has a line of its own; a last one that is torn off is left out.
    """
    if '"cache"' not in text:
        raise error
    whole = text.rpartition("\n")[0].rstrip()
    for part in (text, whole):
        try:
            return parse_json(part.removesuffix(",") + "}}", str(path))
        except InputError:
            continue
    raise error


def _task(path: Path, data: Mapping[str, Any], hints: Hints) -> ImportedTask:
    entries: list[_Entry] = list(data["cache"].values())
    names = [str(name) for name in data["tune_params_keys"]]
    key, objective = _objective(path, data, entries, hints)
    stem = path.name.removesuffix(".gz").removesuffix(".json")
    declared = data.get("tune_params") or {}
    size = _size(data.get("problem_size"))
    no_metrics = _NO_METRICS.union(names)
    return ImportedTask(
        tool=KernelTuner.name,
        name=f"{data.get('kernel_name') or stem} {size}".strip(),
        objective=objective,
        rows=[_row(entry, names, no_metrics, key, objective) for entry in entries],
        device_name=str(data.get("device_name") or ""),
        declared={name: list(declared.get(name, ())) for name in names},
        toolchain={"kernel_tuner": "cache file"},
    )


def _size(size: Any) -> str:
    """A problem's size; nothing where only a function of the configuration told it."""
    if size is None or size == "callable" or (isinstance(size, str) and "function" in size):
        return ""
    return str(size)


def _objective(
    path: Path, data: Mapping[str, Any], entries: list[_Entry], hints: Hints
) -> tuple[str, Objective]:
    """Key of the number that counts, and what it is; a time that may be negative is none."""
    told = data.get("objective") or _TIME
    told = told if isinstance(told, list) else [told]
    key = hints.metric or str(_TIME if _TIME in told else told[0])
    mode = hints.mode or _MODES.get(key, "")
    if not mode:
        raise InputError(
            f"{path} does not say whether much or little of {key!r} is good: give --mode"
        )
    values = [number(entry.get(key)) for entry in entries]
    if key == _TIME and mode == "min" and all(value is None or value >= 0 for value in values):
        return key, Objective()
    return key, Objective(metric=key, mode=mode)


def _row(
    entry: _Entry, names: list[str], no_metrics: frozenset[str], key: str, objective: Objective
) -> ImportedRow:
    status, error, value = _outcome(entry, key, objective)
    metrics = _metrics(entry, no_metrics) if value is not None else {}
    if value is not None:
        metrics[objective.metric] = value
    repeats = entry.get("times") if objective.is_time and value is not None else None
    times = repeats if isinstance(repeats, list) else ()
    return ImportedRow(
        config={name: entry[name] for name in names},
        status=status,
        error=error,
        metrics=metrics,
        repeats_s=tuple([one for time in times if (one := seconds(time, _MS))]),
        build_s=seconds(entry.get("compile_time"), _MS),
        timing_s=seconds(entry.get("benchmark_time"), _MS),
        created_at=moment_of(entry["timestamp"]) if "timestamp" in entry else None,
    )


def _outcome(entry: _Entry, key: str, objective: Objective) -> tuple[Status, str, float | None]:
    """How it ended, why it failed, and its objective, times in seconds."""
    held = entry.get(key)
    for text in (entry.get(_ERROR), held, entry.get(_TIME)):
        if isinstance(text, str):
            return FAILURES.get(text, Status.RUN_ERROR), text or "failed", None
    value = number(held)
    if value is None or abs(value) >= _FAILED:
        return Status.RUN_ERROR, f"{key} is {held}", None
    scaled = value * _MS if objective.is_time else value
    status, error = judged(objective, {objective.metric: scaled})
    return status, error, scaled if status is Status.OK else None


def _metrics(entry: _Entry, no_metrics: frozenset[str]) -> dict[str, float]:
    """What else was measured; a time in seconds."""
    others = [name for name in entry if name not in no_metrics]
    found = {name: value for name in others if (value := number(entry[name])) is not None}
    time_ms = number(entry.get(_TIME))
    return found | {LATENCY: time_ms * _MS} if time_ms is not None and time_ms > 0 else found
