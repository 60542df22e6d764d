"""Optuna's storages in SQLite: studies, their trials, parameters and values."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.values import (
    expecting,
    judged,
    metric_in_seconds,
    moment_of,
    number,
)

_MAGIC = b"SQLite format 3\x00"
# States of trials that ended; others are running, or wait.
_ENDED = ("COMPLETE", "PRUNED", "FAIL")
_VALUE = "value"
# A data base may hold queries that never end: how often so many steps of its machine are allowed.
_MOST_STEPS, _STEPS = 5_000, 1_000_000
_Params = dict[int, dict[str, Any]]


class Optuna:
    """See `Importer`."""

    name = "optuna"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del path
        return head.startswith(_MAGIC)

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        with _opened(path) as base, expecting(f"{path} is no storage of Optuna"):
            studies = base.execute("SELECT study_id, study_name FROM studies").fetchall()
            tasks = [_study(base, path, number, name, hints) for number, name in studies]
        found = [task for task in tasks if task.rows]
        if not found:
            raise InputError(f"{path} holds no trial that ended")
        return found


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The data base, which is never written."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as base:
            base.execute("PRAGMA trusted_schema=OFF")
            left = iter(range(_MOST_STEPS))
            base.set_progress_handler(lambda: next(left, None) is None, _STEPS)
            yield base
    except sqlite3.Error as error:
        raise InputError(f"{path} is no storage of Optuna, or damaged: {error}") from error


def _study(
    base: sqlite3.Connection, path: Path, study: int, name: str, hints: Hints
) -> ImportedTask:
    directions = base.execute(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (study,)
    ).fetchall()
    if len(directions) != 1 and not hints.mode:
        count = len(directions)
        raise InputError(f"{path}: study {name!r} has {count} objectives: that is not read")
    mode = hints.mode or {"MINIMIZE": "min", "MAXIMIZE": "max"}[directions[0][0]]
    objective, unit = metric_in_seconds(hints.metric or _VALUE, mode)
    params, declared = _parameters(base, study)
    return ImportedTask(
        tool=Optuna.name,
        name=str(name),
        objective=objective,
        rows=_rows(base, study, params, objective, unit),
        declared=declared,
        toolchain={"optuna": "storage"},
    )


def _parameters(base: sqlite3.Connection, study: int) -> tuple[_Params, dict[str, list[Any]]]:
    """Values of each trial's parameters, and the choices of those that have choices."""
    found: _Params = defaultdict(dict)
    declared: dict[str, list[Any]] = {}
    rows = base.execute(
        "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trial_params p "
        "JOIN trials t ON t.trial_id = p.trial_id WHERE t.study_id = ? ORDER BY p.param_id",
        (study,),
    )
    known: dict[str, dict[str, Any]] = {}
    for trial, name, value, text in rows:
        distribution = known.setdefault(text, json.loads(text))
        choices = distribution["attributes"].get("choices")
        if choices is not None:
            found[trial][name] = choices[int(value)]
            declared.setdefault(name, list(choices))
        else:
            whole = str(distribution["name"]).startswith("Int")
            found[trial][name] = int(value) if whole else value
    return found, declared


def _rows(
    base: sqlite3.Connection, study: int, params: _Params, objective: Objective, unit: float
) -> list[ImportedRow]:
    values = dict(
        base.execute(
            "SELECT v.trial_id, v.value FROM trial_values v JOIN trials t ON "
            "t.trial_id = v.trial_id WHERE t.study_id = ? AND v.objective = 0",
            (study,),
        ).fetchall()
    )
    trials = base.execute(
        "SELECT trial_id, state, datetime_start, datetime_complete FROM trials "
        "WHERE study_id = ? ORDER BY number",
        (study,),
    ).fetchall()
    rows = []
    for trial, state, start, end in trials:
        if state not in _ENDED:
            continue
        value = number(values.get(trial))
        metrics = {} if value is None else {objective.metric: value * unit}
        status, error = judged(objective, metrics)
        if state != "COMPLETE":
            status, error = Status.RUN_ERROR, {"PRUNED": "pruned", "FAIL": "failed"}[state]
        began, ended = moment_of(start), moment_of(end)
        took_s = (ended - began).total_seconds() if began and ended else 0.0
        rows.append(
            ImportedRow(
                config=params.get(trial, {}),
                status=status,
                error=error,
                metrics=metrics if status is Status.OK else {},
                timing_s=max(took_s, 0.0),
                created_at=ended,
            )
        )
    return rows
