"""Ray Tune's experiment folders: a folder a trial, with its parameters and what it reported."""

import csv
import hashlib
import io
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status
from dgtl_ray.recorded.formats.bounded import parse_json, read_json_lines, read_text, reading
from dgtl_ray.recorded.formats.task import Hints, ImportedRow, ImportedTask
from dgtl_ray.recorded.formats.values import expecting, judged, metric_in_seconds, moment, number

_PARAMETERS, _RESULTS, _ERROR = "params.json", "result.json", "error.txt"
_PROGRESS = "progress.csv"
# What Ray Tune notes of all trials; each time that it goes on with an experiment, in a new file.
_STATES = "experiment_state-*.json"
# What it calls a trial that has ended, one way or the other.
_ENDED_WELL, _ENDED_BADLY = "TERMINATED", "ERROR"
_FAILURE = re.compile(r"^Failure # \d+ \(occurred at ([^)]+)\)$", re.MULTILINE)
# What Ray Tune adds to each report by itself.
_OWN = frozenset(
    (
        *("timestamp", "done", "training_iteration", "trial_id", "date", "pid", "hostname"),
        *("time_this_iter_s", "time_total_s", "node_ip", "time_since_restore", "config"),
        *("iterations_since_restore", "checkpoint_dir_name", "should_checkpoint"),
        *("timesteps_total", "episodes_total", "timesteps_since_restore", "experiment_tag"),
    )
)
_MOST_TRIALS = 100_000
_MOST_ERROR = 400
# Under longer names nothing is looked for: a file may nest one name in another again and again.
_MOST_NAME = 200


class RayTune:
    """See `Importer`."""

    name = "ray-tune"

    def recognises(self, path: Path, head: bytes) -> bool:
        """See `Importer`."""
        del head
        return path.is_dir() and any(map(_is_trial, _inside(path)))

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """See `Importer`. Nothing that Ray Tune pickled is read."""
        if not path.is_dir():
            raise InputError(f"{path} is no folder: give the one of Ray Tune's experiment")
        trials = _reported(path)
        metric = hints.metric or _only_metric(path, [trial.report for trial in trials])
        if not hints.mode and not metric.endswith(("_s", "_ms", "_us", "_ns")):
            raise InputError(f"{path} does not say whether much of {metric!r} is good: give --mode")
        objective, unit = metric_in_seconds(metric, hints.mode or "min")
        return [
            ImportedTask(
                tool=self.name,
                name=path.absolute().name,
                objective=objective,
                rows=[_row(one, metric=metric, objective=objective, unit=unit) for one in trials],
                toolchain={"ray": "experiment"},
                numbers=[trial.number for trial in trials],
                conditional=True,
            )
        ]


class _Trial(NamedTuple):
    """A trial that reported or failed.

    Attributes:
        report: What it reported last; empty where it reported nothing.
        error: Why it failed in the end, "" where it did not.
    """

    number: int
    parameters: Mapping[str, Any]
    report: Mapping[str, Any]
    error: str


def _reported(path: Path) -> list[_Trial]:
    """Trials that reported or failed, by number; the others may still do so.

    Raises:
        InputError: There is none, or a file cannot be read.
    """
    folders = _trials(path)
    if not folders:
        raise InputError(f"{path} holds no trial of Ray Tune: no folder with {_PARAMETERS}")
    states = _states(path)
    told = [_trial(folder, states.get(folder.name, "")) for folder in folders]
    reported = [trial for trial in told if trial.report or trial.error]
    if not reported:
        raise InputError(f"{path} holds no trial that reported or failed")
    return sorted(reported, key=lambda trial: trial.number)


def _states(path: Path) -> dict[str, str]:
    """What Ray Tune calls the state of each trial, by the name of its folder; its last word counts.

    A file that is damaged, too large, or built in another way says nothing.
    """
    states: dict[str, str] = {}
    for file in sorted(path.glob(_STATES)):
        with suppress(InputError), expecting(f"{file} is no state of Ray Tune's"):
            for text, *_ in parse_json(read_text(file), str(file))["trial_data"]:
                trial = parse_json(text, str(file))
                states[str(trial["relative_logdir"])] = str(trial["status"])
    return states


def _trial(folder: Path, state: str) -> _Trial:
    report = _last_report(folder)
    return _Trial(_number(folder), _parameters(folder), report, _error(folder, report, state))


def _error(folder: Path, report: Mapping[str, Any], state: str) -> str:
    """Why a trial failed in the end, "" where it did not.

    Ray Tune keeps the errors of one that it tried again. It says itself how a trial ended; where it
    does not, one that reported after its last failure went on.
    """
    file = folder / _ERROR
    if state == _ENDED_WELL or not file.is_file():
        return ""
    text = read_text(file)
    failures, date = _FAILURE.findall(text), report.get("date")
    went_on = bool(failures) and isinstance(date, str) and date > failures[-1]
    if went_on and state != _ENDED_BADLY:
        return ""
    return text.strip()[-_MOST_ERROR:] or "failed"


def _number(folder: Path) -> int:
    """A trial's number, whatever others there are: made of its folder's name.

    Ray Tune draws names at random where a searcher proposes, and anew each time that an experiment
    is run: a trial's place among the others changes as they come. 52 bits, as floats hold them.
    """
    return int(hashlib.sha256(os.fsencode(folder.name)).hexdigest()[:13], 16)


def _inside(path: Path) -> list[Path]:
    with reading(path):
        return sorted(path.iterdir())


def _trials(path: Path) -> list[Path]:
    """Folders of trials, by name.

    Raises:
        InputError: There are more than are read.
    """
    found = [folder for folder in _inside(path) if _is_trial(folder)]
    if len(found) > _MOST_TRIALS:
        raise InputError(
            f"{path} holds {len(found)} trials, more than the {_MOST_TRIALS} that are read: move "
            "some into a folder of their own"
        )
    return found


def _is_trial(folder: Path) -> bool:
    """Whether it is the folder of a trial, and none outside of the experiment's."""
    return folder.is_dir() and not folder.is_symlink() and (folder / _PARAMETERS).is_file()


def _parameters(folder: Path) -> dict[str, Any]:
    file = folder / _PARAMETERS
    parameters = parse_json(read_text(file), str(file))
    if not isinstance(parameters, dict):
        raise InputError(f"{file} is no object of parameters")
    return parameters


def _last_report(folder: Path) -> Mapping[str, Any]:
    """What a trial reported last; empty where it reported nothing."""
    file = folder / _RESULTS
    if not file.is_file() or not file.stat().st_size:
        return _last_progress(folder / _PROGRESS)
    report: Any = {}
    for line, value in read_json_lines(file):
        with expecting(f"{file}: line {line} is no report of Ray Tune"):
            report = dict(value.items())
    return _flat(report)


def _flat(report: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Values by the names that Ray Tune calls them by: `a/b` is what `a` holds under `b`."""
    flat: dict[str, Any] = {}
    for name, value in report.items():
        whole = f"{above}{name}"
        if not isinstance(value, Mapping):
            flat[whole] = value
        elif len(whole) <= _MOST_NAME:
            flat |= _flat(value, f"{whole}/")
    return flat


def _last_progress(file: Path) -> Mapping[str, Any]:
    """The last line of a trial's table, which some loggers write instead; empty without one."""
    if not file.is_file() or not file.stat().st_size:
        return {}
    with expecting(f"{file} is no table of Ray Tune"):
        try:
            lines = list(csv.DictReader(io.StringIO(read_text(file)), strict=True))
        except csv.Error as error:
            raise InputError(f"{file} is no table of Ray Tune: {error}") from error
        return {name: _value(text) for name, text in lines[-1].items()} if lines else {}


def _value(text: str) -> float | str:
    """A cell: a number where it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _only_metric(path: Path, reports: list[Mapping[str, Any]]) -> str:
    names = sorted({name for report in reports for name in _numbers(report)})
    if not names:
        raise InputError(f"no trial in {path} reported a number: give --metric")
    if len(names) == 1:
        return names[0]
    raise InputError(f"{path} does not say which of {', '.join(names)} counts: give --metric")


def _numbers(report: Mapping[str, Any]) -> dict[str, float]:
    own = (name for name in report if name not in _OWN and not name.startswith("config/"))
    return {name: value for name in own if (value := number(report[name])) is not None}


def _row(trial: _Trial, *, metric: str, objective: Objective, unit: float) -> ImportedRow:
    metrics = _numbers(trial.report)
    metrics.pop(metric, None)
    # What Ray Tune adds by itself counts, too, where the user names it.
    if (value := number(trial.report.get(metric))) is not None:
        metrics[objective.metric] = value * unit
    status, error = judged(objective, metrics)
    if trial.error:
        status, error = Status.RUN_ERROR, trial.error
    fine = status is Status.OK
    return ImportedRow(
        config=trial.parameters,
        status=status,
        error=error,
        metrics=metrics if fine else {},
        repeats_s=(metrics[objective.metric],) if fine and objective.is_time else (),
        timing_s=max(number(trial.report.get("time_total_s")) or 0.0, 0.0),
        created_at=moment(trial.report.get("timestamp")),
    )
