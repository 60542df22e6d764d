"""Ansor's logs, version 0.6: one line a program, as the steps that lead to it."""

import json
import re
from pathlib import Path
from typing import Any

from dgtl_ray.core.function import LATENCY
from dgtl_ray.recorded.formats.autotvm import tvm_row
from dgtl_ray.recorded.formats.bounded import read_json_lines
from dgtl_ray.recorded.formats.targets import target_text
from dgtl_ray.recorded.formats.task import Hints, ImportedTask
from dgtl_ray.recorded.formats.tasks import TaskKey, TasksByKey, first_line
from dgtl_ray.recorded.formats.values import expecting

# Steps that hold what a search chooses, and which part of them: tile sizes, a pragma's number.
_CHOSEN = {"SP": 4, "PR": 3}
_PRAGMA = re.compile(r"^auto_unroll_max_step\$(\d+)$")


class Ansor:
    """See `Importer`."""

    name = "ansor"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del path
        line = first_line(head)
        return line.startswith(b"{") and b'"i"' in line and bool(re.search(rb'"v"\s*:\s*"v', line))

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        objective = hints.objective(LATENCY, "min")
        tasks = TasksByKey(tool=self.name, objective=objective, conditional=True)
        for line, record in read_json_lines(path):
            with expecting(f"{path}: line {line} is no record of Ansor"):
                (workload, target, *_), (_, steps, *_) = record["i"]
                key = TaskKey(name=str(workload), target=target_text(target), version=record["v"])
                tasks.add(key, tvm_row(knobs_of(steps), record["r"], objective))
        return tasks.all(path)


def knobs_of(steps: Any) -> dict[str, Any]:
    """A program as knobs: what was chosen, by step, and under `sketch` the steps without that.

    Raises:
        TypeError, ValueError, IndexError: They are no steps.
    """
    fixed: list[list[Any]] = []
    knobs: dict[str, Any] = {}
    for number, step in enumerate(steps):
        kind, place = str(step[0]), _CHOSEN.get(step[0])
        kept = list(step)
        if place is not None:
            value = _number(kept[place])
            if value is not kept[place] or isinstance(value, list):
                knobs[f"{number} {kind} {step[1]} {step[2]}"] = value
                kept[place] = None
        fixed.append(kept)
    return {"sketch": json.dumps(fixed, separators=(",", ":"))} | knobs


def _number(value: Any) -> Any:
    """The number of a pragma that unrolls; anything else as it is."""
    found = _PRAGMA.match(value) if isinstance(value, str) else None
    return int(found[1]) if found else value
