"""MetaSchedule's databases: two JSON files, of workloads and of how each was scheduled."""

import json
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY, Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.bounded import head_of, read_json_lines
from dgtl_ray.recorded.formats.targets import target_text
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.tasks import TaskKey, TasksByKey, first_line
from dgtl_ray.recorded.formats.values import expecting, judged, number

WORKLOADS, RECORDS = "database_workload.json", "database_tuning_record.json"
# What it records of a candidate that did not run.
_FAILED_S = 1e9


class MetaSchedule:
    """See `Importer`."""

    name = "metaschedule"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        if path.is_dir():
            return any((path / name).exists() for name in (WORKLOADS, RECORDS))
        return path.name in (WORKLOADS, RECORDS) or first_line(head).startswith(b"[0, [[[")

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        head_of(path)
        folder = path if path.is_dir() else path.parent
        _require_both(folder)
        hashes = _workloads(folder / WORKLOADS)
        objective = hints.objective(LATENCY, "min")
        tasks = TasksByKey(tool=self.name, objective=objective, conditional=True)
        for line, record in read_json_lines(folder / RECORDS):
            with expecting(f"{folder / RECORDS}: line {line} is no record of MetaSchedule"):
                index, (trace, run_s, target, arguments, *_) = record
                if not 0 <= index < len(hashes):
                    raise ValueError(f"there is no workload {index}")
                name = f"{hashes[index]} {json.dumps(arguments, separators=(',', ':'))}"
                key = TaskKey(name=name, target=target_text(target), version="database")
                tasks.add(key, _row(trace, run_s, objective))
        return tasks.all(folder)


def _require_both(folder: Path) -> None:
    """Check that both files of a database are there.

    Raises:
        InputError: One is missing, or both.
    """
    missing = [name for name in (WORKLOADS, RECORDS) if not (folder / name).is_file()]
    if len(missing) == 2:
        raise InputError(
            f"{folder} holds no database of MetaSchedule: neither {WORKLOADS} nor {RECORDS}"
        )
    if missing:
        there = RECORDS if missing == [WORKLOADS] else WORKLOADS
        raise InputError(
            f"{folder} holds half a database of MetaSchedule: {there} without {missing[0]}"
        )


def _workloads(path: Path) -> list[str]:
    """Hash of each workload; the programs themselves are not looked at."""
    hashes = []
    for line, workload in read_json_lines(path):
        with expecting(f"{path}: line {line} is no workload of MetaSchedule"):
            shash, _ = workload
            hashes.append(str(shash))
    return hashes


def _row(trace: Any, run_s: Any, objective: Objective) -> ImportedRow:
    repeats = [value for one in run_s or () if (value := number(one)) is not None]
    ran = bool(repeats) and max(repeats) < _FAILED_S
    metrics = {objective.metric: sum(repeats) / len(repeats)} if ran else {}
    failed = (Status.RUN_ERROR, "the record has no time that ran")
    status, error = judged(objective, metrics) if ran else failed
    return ImportedRow(
        config=knobs_of(trace),
        status=status,
        error=error,
        metrics=metrics if status is Status.OK else {},
        repeats_s=tuple(repeats) if status is Status.OK else (),
    )


def knobs_of(trace: Any) -> dict[str, Any]:
    """A trace as knobs: each decision by its instruction, and under `sketch` the trace without.

    Raises:
        TypeError, ValueError, IndexError: It is no trace.
    """
    instructions, decisions = trace
    knobs = {f"{int(index)} {instructions[index][0]}": value for index, value in decisions}
    return {"sketch": json.dumps(instructions, separators=(",", ":"))} | knobs
