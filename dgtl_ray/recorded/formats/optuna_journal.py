"""Optuna's storages in journal files: a line for each thing that was done to a study."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.formats.bounded import read_json_lines
from dgtl_ray.recorded.formats.optuna_trial import OptunaTrial, study_task
from dgtl_ray.recorded.formats.task import Hints, ImportedTask
from dgtl_ray.recorded.formats.tasks import first_line
from dgtl_ray.recorded.formats.values import expecting

# Numbers that the file has for what was done, and for how a trial stands.
_CREATE_STUDY, _DELETE_STUDY, _CREATE_TRIAL, _SET_PARAM, _SET_STATE = 0, 1, 4, 5, 6
_RUNNING = 0
_ENDED = {1: "", 2: "pruned", 3: "failed"}
_MODES = {1: "min", 2: "max"}


@dataclass(kw_only=True)
class _Trial:
    study: int
    started: Any
    state: int = _RUNNING
    params: dict[str, Any] = field(default_factory=dict)
    values: Any = None
    ended: Any = None


@dataclass(kw_only=True)
class _Study:
    """A study; `kinds` is what must not change of each parameter's distribution."""

    name: str
    directions: list[int]
    deleted: bool = False
    declared: dict[str, list[Any]] = field(default_factory=dict)
    kinds: dict[str, tuple[Any, ...]] = field(default_factory=dict)


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
        journal = _Journal()
        for line, done in read_json_lines(path):
            with expecting(f"{path}: line {line} is no entry of an Optuna journal"):
                journal.follow(done)
        with expecting(f"{path} is no journal of Optuna"):
            tasks = [_task(path, study, trials, hints) for study, trials in journal.living()]
        found = [task for task in tasks if task.rows]
        if not found:
            raise InputError(f"{path} holds no trial that ended")
        return found


class _Journal:
    """Studies and trials by their numbers, as the entries so far made them.

    Optuna writes an entry before it knows whether it may do what that says, and passes over those
    that it may not: a study whose name is taken, which is how one is resumed, a trial of a study
    that is not there, a change to a trial that ended. None of them uses up a number.
    """

    def __init__(self) -> None:
        self._studies: list[_Study] = []
        self._trials: list[_Trial] = []
        self._names: set[str] = set()

    def follow(self, done: Mapping[str, Any]) -> None:
        """Do what an entry says was done; what changes no trial is passed over."""
        kind = done["op_code"]
        if kind == _CREATE_STUDY:
            self._create_study(str(done["study_name"]), list(done["directions"]))
        elif kind == _DELETE_STUDY:
            self._delete_study(_place(done["study_id"]))
        elif kind == _CREATE_TRIAL:
            self._create_trial(_place(done["study_id"]), done)
        elif kind in (_SET_PARAM, _SET_STATE):
            trial = self._open_trial(_place(done["trial_id"]))
            if trial is not None and kind == _SET_PARAM:
                self._set_param(trial, done)
            elif trial is not None:
                _set_state(trial, done, done.get("values"))

    def living(self) -> list[tuple[_Study, list[_Trial]]]:
        """Every study that was not deleted, with its trials."""
        trials: dict[int, list[_Trial]] = {}
        for trial in self._trials:
            trials.setdefault(trial.study, []).append(trial)
        numbered = enumerate(self._studies)
        return [(study, trials.get(k, [])) for k, study in numbered if not study.deleted]

    def _create_study(self, name: str, directions: list[int]) -> None:
        if name not in self._names:
            self._names.add(name)
            self._studies.append(_Study(name=name, directions=directions))

    def _delete_study(self, place: int) -> None:
        study = self._living_study(place)
        if study is not None:
            study.deleted = True
            self._names.remove(study.name)

    def _create_trial(self, place: int, done: Mapping[str, Any]) -> None:
        study = self._living_study(place)
        if study is None:
            return
        trial = _Trial(study=place, started=done.get("datetime_start"))
        self._trials.append(trial)
        for name, inside in (done.get("params") or {}).items():
            distribution = json.loads(done["distributions"][name])
            study.kinds.setdefault(name, _kind(distribution))
            trial.params[name] = _told(study, name, inside, distribution)
        if "state" in done:  # one that was made elsewhere, and is added as a whole
            value = done.get("value")
            _set_state(trial, done, done.get("values") or (None if value is None else [value]))

    def _set_param(self, trial: _Trial, done: Mapping[str, Any]) -> None:
        study, name = self._studies[trial.study], str(done["param_name"])
        distribution = json.loads(done["distribution"])
        kind = _kind(distribution)
        if study.kinds.setdefault(name, kind) == kind:
            inside = done["param_value_internal"]
            trial.params[name] = _told(study, name, inside, distribution)

    def _living_study(self, place: int) -> _Study | None:
        there = place < len(self._studies) and not self._studies[place].deleted
        return self._studies[place] if there else None

    def _open_trial(self, place: int) -> _Trial | None:
        there = place < len(self._trials) and self._trials[place].state not in _ENDED
        return self._trials[place] if there else None


def _place(number_of: Any) -> int:
    """A number of a study or trial; Python takes negative ones from the end."""
    if not isinstance(number_of, int) or number_of < 0:
        raise ValueError(f"{number_of!r} is no number of a study or trial")
    return number_of


def _set_state(trial: _Trial, done: Mapping[str, Any], values: Any) -> None:
    state = int(done["state"])
    if state == trial.state == _RUNNING:
        return  # others run it already
    trial.state = state
    trial.values = trial.values if values is None else values
    trial.started = done.get("datetime_start") or trial.started
    trial.ended = done.get("datetime_complete")


def _kind(distribution: Mapping[str, Any]) -> tuple[Any, ...]:
    """What Optuna lets no trial change of a parameter's distribution."""
    attributes = distribution["attributes"]
    return distribution["name"], attributes.get("log"), attributes.get("choices")


def _told(study: _Study, name: str, inside: Any, distribution: Mapping[str, Any]) -> Any:
    """A parameter's value as the user's program saw it."""
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
    told = {place: _trial(trial) for place, trial in enumerate(trials)}
    return study_task(study.name, told, metric=hints.metric, mode=mode, declared=study.declared)


def _trial(trial: _Trial) -> OptunaTrial:
    values = trial.values if isinstance(trial.values, list) else []
    return OptunaTrial(
        config=trial.params,
        value=values[0] if values else None,
        failure=_ENDED.get(trial.state),
        started=trial.started,
        ended=trial.ended,
    )
