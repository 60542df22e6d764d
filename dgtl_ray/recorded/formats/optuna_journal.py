"""Optuna's storages in journal files: a line for each thing that was done to a study."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.bounded import read_json_lines
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.tasks import first_line
from dgtl_ray.recorded.formats.values import (
    expecting,
    judged,
    metric_in_seconds,
    moment_of,
    number,
)

# Numbers that the file has for what was done, and for how a trial stands.
_CREATE_STUDY, _DELETE_STUDY, _CREATE_TRIAL, _SET_PARAM, _SET_STATE = 0, 1, 4, 5, 6
_ENDED = {1: "", 2: "pruned", 3: "failed"}
_MODES = {1: "min", 2: "max"}
_VALUE = "value"


@dataclass(kw_only=True)
class _Trial:
    study: int
    started: Any
    state: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    values: Any = None
    ended: Any = None


@dataclass(kw_only=True)
class _Study:
    name: str
    directions: list[int]
    deleted: bool = False
    declared: dict[str, list[Any]] = field(default_factory=dict)


class OptunaJournal:
    """See `Importer`."""

    name = "optuna-journal"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del path
        line = first_line(head)
        return line.startswith(b'{"op_code"') and b'"worker_id"' in line

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`."""
        studies: list[_Study] = []
        trials: list[_Trial] = []
        for line, done in read_json_lines(path):
            with expecting(f"{path}: line {line} is no entry of an Optuna journal"):
                _follow(done, studies, trials)
        tasks = [
            _task(path, study, [one for one in trials if one.study == k], hints)
            for k, study in enumerate(studies)
            if not study.deleted
        ]
        found = [task for task in tasks if task.rows]
        if not found:
            raise InputError(f"{path} holds no trial that ended")
        return found


def _follow(done: Mapping[str, Any], studies: list[_Study], trials: list[_Trial]) -> None:
    """Do what an entry says was done; what changes no trial is passed over."""
    kind = done["op_code"]
    if kind == _CREATE_STUDY:
        studies.append(_Study(name=str(done["study_name"]), directions=list(done["directions"])))
    elif kind == _DELETE_STUDY:
        studies[_place(done["study_id"])].deleted = True
    elif kind == _CREATE_TRIAL:
        trial = _Trial(study=_place(done["study_id"]), started=done.get("datetime_start"))
        trials.append(trial)
        study = studies[trial.study]
        for name, inside in (done.get("params") or {}).items():
            trial.params[name] = _told(study, name, inside, done["distributions"][name])
        if "state" in done:  # one that was made elsewhere, and is added as a whole
            value = done.get("value")
            _end(trial, done, done.get("values") or (None if value is None else [value]))
    elif kind == _SET_PARAM:
        trial = trials[_place(done["trial_id"])]
        name, inside = str(done["param_name"]), done["param_value_internal"]
        trial.params[name] = _told(studies[trial.study], name, inside, done["distribution"])
    elif kind == _SET_STATE:
        _end(trials[_place(done["trial_id"])], done, done.get("values"))


def _place(number_of: Any) -> int:
    """A number of a study or trial; Python takes negative ones from the end."""
    if not isinstance(number_of, int) or number_of < 0:
        raise ValueError(f"{number_of!r} is no number of a study or trial")
    return number_of


def _end(trial: _Trial, done: Mapping[str, Any], values: Any) -> None:
    trial.state = int(done["state"])
    trial.values = values
    trial.started = done.get("datetime_start") or trial.started
    trial.ended = done.get("datetime_complete")


def _told(study: _Study, name: str, inside: Any, text: str) -> Any:
    """A parameter's value as the user's program saw it."""
    distribution = json.loads(text)
    choices = distribution["attributes"].get("choices")
    if choices is not None:
        study.declared.setdefault(name, list(choices))
        return choices[_place(int(inside))]
    return int(inside) if str(distribution["name"]).startswith("Int") else inside


def _task(path: Path, study: _Study, trials: list[_Trial], hints: Hints) -> ImportedTask:
    if len(study.directions) != 1 and not hints.mode:
        count = len(study.directions)
        raise InputError(f"{path}: study {study.name!r} has {count} objectives: that is not read")
    mode = hints.mode or _MODES.get(study.directions[0], "")
    if not mode:
        raise InputError(f"{path} does not say whether much of {study.name!r} is good: give --mode")
    objective, unit = metric_in_seconds(hints.metric or _VALUE, mode)
    rows = []
    for trial in trials:
        if trial.state not in _ENDED:
            continue
        values = trial.values if isinstance(trial.values, list) else []
        value = number(values[0]) if values else None
        metrics = {} if value is None else {objective.metric: value * unit}
        status, error = judged(objective, metrics)
        if _ENDED[trial.state]:
            status, error = Status.RUN_ERROR, _ENDED[trial.state]
        began, ended = moment_of(trial.started), moment_of(trial.ended)
        took_s = (ended - began).total_seconds() if began and ended else 0.0
        rows.append(
            ImportedRow(
                config=trial.params,
                status=status,
                error=error,
                metrics=metrics if status is Status.OK else {},
                timing_s=max(took_s, 0.0),
                created_at=ended,
            )
        )
    return ImportedTask(
        tool="optuna",
        name=study.name,
        objective=objective,
        rows=rows,
        declared=study.declared,
        toolchain={"optuna": "storage"},
    )
