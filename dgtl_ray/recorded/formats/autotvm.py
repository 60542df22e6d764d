"""AutoTVM's logs, versions 0.1 and 0.2: one line a configuration, tasks and devices mixed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import LATENCY, Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.bounded import head_of, read_json_lines
from dgtl_ray.recorded.formats.targets import target_text
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.tasks import TaskKey, TasksByKey, first_line
from dgtl_ray.recorded.formats.values import expecting, judged, moment, number, seconds, tvm_status

# AutoTVM's own pickled lines begin with a pickle in base64.
_PICKLED = b"gA"
_MOST_ERROR = 400
# Stands for a time where there is none.
_FAILED_S = 1e9


class AutoTVM:
    """See `Importer`."""

    name = "autotvm"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del path
        line = first_line(head)
        if line.startswith(_PICKLED) and b"\t" in line:
            return True
        is_old = line.startswith(b'{"i"') and not re.search(rb'"v"\s*:\s*"', line)
        return line.startswith(b"{") and (b'"input"' in line or is_old) and b"[" in line

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        _refuse_pickles(path)
        objective = hints.objective(LATENCY, "min")
        tasks = TasksByKey(tool=self.name, objective=objective, conditional=False)
        for line, record in read_json_lines(path):
            with expecting(f"{path}: line {line} is no record of AutoTVM"):
                key, row = _record(record, objective)
                tasks.add(key, row)
        return tasks.all(path)


def _refuse_pickles(path: Path) -> None:
    if first_line(head_of(path)).startswith(_PICKLED):
        raise InputError(
            f"{path} is an AutoTVM log of pickles, which may run anything when read: write it "
            "with protocol='json'"
        )


def _record(record: Any, objective: Objective) -> tuple[TaskKey, ImportedRow]:
    if "input" in record:
        target, name, args, kwargs = record["input"][:4]
        entities, result = record["config"]["entity"], record["result"]
        version = str(record.get("tvm_version", record.get("version", "")))
    else:
        target, name, args, kwargs = record["i"][:4]
        entities, result = record["i"][5]["e"], record["r"]
        version = str(record.get("v", ""))
    key = TaskKey(
        name=" ".join([str(name), *(str(one) for one in (args, kwargs) if one)]),
        target=target_text(target),
        version=version,
    )
    return key, tvm_row(_knobs(entities), result, objective)


def _knobs(entities: Any) -> dict[str, Any]:
    """Values of the knobs: `[name, kind, value]`, or `[name, [kind, value]]` in old logs."""
    pairs = entities.items() if isinstance(entities, Mapping) else entities
    return {str(knob[0]): knob[-1][-1] if len(knob) == 2 else knob[-1] for knob in pairs}


def tvm_row(config: Mapping[str, Any], result: Any, objective: Objective) -> ImportedRow:
    """A row from `[costs, error number, all seconds, time of day]`.

    Raises:
        TypeError, ValueError: The result is something else.
    """
    costs, error_number, all_s, at = result
    status = tvm_status(error_number)
    error = "" if status is Status.OK else f"error {error_number}: {costs}"[:_MOST_ERROR]
    repeats = [value for one in costs if (value := number(one)) is not None]
    metrics: dict[str, float] = {}
    if status is Status.OK and repeats and max(repeats) < _FAILED_S:
        metrics[objective.metric] = sum(repeats) / len(repeats)
        status, error = judged(objective, metrics)
    elif status is Status.OK:
        status, error = Status.RUN_ERROR, f"no time was recorded: {costs}"[:_MOST_ERROR]
    return ImportedRow(
        config=config,
        status=status,
        error=error,
        metrics=metrics if status is Status.OK else {},
        repeats_s=tuple(repeats) if status is Status.OK else (),
        timing_s=seconds(all_s),
        created_at=moment(at),
    )
