"""Optuna's storages in SQLite: studies, their trials, parameters and values."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.formats.bounded import head_of, require_few
from dgtl_ray.recorded.formats.optuna_trial import OptunaTrial, study_task
from dgtl_ray.recorded.formats.task import Hints, ImportedTask
from dgtl_ray.recorded.formats.values import expecting

_MAGIC = b"SQLite format 3\x00"
_TABLES = frozenset(
    ("studies", "study_directions", "trials", "trial_params", "trial_values", "version_info")
)
# From this version of Optuna on, times are UTC; none names its zone.
_FIRST_IN_UTC = 5
# Why a trial of each state that is an end has no result; others are running, or wait.
_ENDED = {"COMPLETE": "", "PRUNED": "pruned", "FAIL": "failed"}
# A data base may hold queries that never end: how often so many steps of its machine are allowed.
_MOST_STEPS, _STEPS = 5_000, 1_000_000
# One value may be as long as a line is elsewhere; a row counts as so much besides its texts.
_MOST_VALUE_BYTES, _ROW_BYTES = 1 << 24, 64
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
        if not head_of(path).startswith(_MAGIC):
            raise InputError(f"{path} is no storage of Optuna: it is no SQLite file")
        with _opened(path) as base, expecting(f"{path} is no storage of Optuna"):
            zone = _zone(base)
            studies = base.rows("SELECT study_id, study_name FROM studies")
            tasks = [_study(base, path, number, name, hints, zone) for number, name in studies]
        found = [task for task in tasks if task.rows]
        if not found:
            raise InputError(f"{path} holds no trial that ended")
        return found


class _Base:
    """A data base that anybody may have made, read within bounds.

    What it holds is no measure of what it tells: a query may make up rows, and texts.
    """

    def __init__(self, path: Path, base: sqlite3.Connection) -> None:
        self._path = path
        self._base = base
        self._read_bytes = 0

    def rows(self, query: str, *arguments: int) -> list[tuple[Any, ...]]:
        """Everything that a query finds.

        Raises:
            InputError: With all before it, that is more than 256 MiB.
        """
        found = []
        for row in self._base.execute(query, arguments):
            texts = (len(value) for value in row if isinstance(value, str | bytes))
            self._read_bytes += _ROW_BYTES + sum(texts)
            require_few(self._path, self._read_bytes)
            found.append(row)
        return found


@contextmanager
def _opened(path: Path) -> Iterator[_Base]:
    """The data base, which is never written."""
    require_few(path, path.stat().st_size)
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as base:
            base.execute("PRAGMA trusted_schema=OFF")
            base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE_BYTES)
            left = iter(range(_MOST_STEPS))
            base.set_progress_handler(lambda: next(left, None) is None, _STEPS)
            _require_tables(path, base)
            yield _Base(path, base)
    except sqlite3.Error as error:
        raise InputError(f"{path} is no storage of Optuna, or damaged: {error}") from error


def _require_tables(path: Path, base: sqlite3.Connection) -> None:
    """Check that what is read are tables with pages of their own, as views and modules have none.

    Raises:
        InputError: One is missing, or something else.
    """
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
    there = {name for (name,) in base.execute(query)}
    if missing := sorted(_TABLES - there):
        raise InputError(f"{path} is no storage of Optuna: it has no table {', '.join(missing)}")


def _zone(base: _Base) -> tzinfo | None:
    """Of times: UTC, or None for the writer's local time, which is taken to be this machine's.

    Only the version that made the data base is known: what a newer one added to it is off.
    """
    makers = base.rows("SELECT library_version FROM version_info")
    is_utc = any(int(str(version).split(".")[0]) >= _FIRST_IN_UTC for (version,) in makers)
    return UTC if is_utc else None


def _study(
    base: _Base, path: Path, study: int, name: str, hints: Hints, zone: tzinfo | None
) -> ImportedTask:
    directions = base.rows(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", study
    )
    if len(directions) != 1 and not hints.mode:
        count = len(directions)
        raise InputError(f"{path}: study {name!r} has {count} objectives: that is not read")
    mode = hints.mode or {"MINIMIZE": "min", "MAXIMIZE": "max"}[directions[0][0]]
    params, declared = _parameters(base, study)
    trials = _trials(base, study, params)
    return study_task(
        str(name), trials, metric=hints.metric, mode=mode, declared=declared, zone=zone
    )


def _parameters(base: _Base, study: int) -> tuple[_Params, dict[str, list[Any]]]:
    """Values of each trial's parameters, and the choices of those that have choices."""
    found: _Params = defaultdict(dict)
    declared: dict[str, list[Any]] = {}
    rows = base.rows(
        "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trial_params p "
        "JOIN trials t ON t.trial_id = p.trial_id WHERE t.study_id = ? ORDER BY p.param_id",
        study,
    )
    known: dict[str, dict[str, Any]] = {}
    for trial, name, value, text in rows:
        if text not in known:
            known[text] = json.loads(text)
        distribution = known[text]
        choices = distribution["attributes"].get("choices")
        if choices is not None:
            found[trial][name] = choices[int(value)]
            declared.setdefault(name, list(choices))
        else:
            whole = str(distribution["name"]).startswith("Int")
            found[trial][name] = int(value) if whole else value
    return found, declared


def _trials(base: _Base, study: int, params: _Params) -> dict[int, OptunaTrial]:
    """Every trial, by number."""
    values = dict(
        base.rows(
            "SELECT v.trial_id, v.value FROM trial_values v JOIN trials t ON "
            "t.trial_id = v.trial_id WHERE t.study_id = ? AND v.objective = 0",
            study,
        )
    )
    trials = base.rows(
        "SELECT number, trial_id, state, datetime_start, datetime_complete FROM trials "
        "WHERE study_id = ? ORDER BY number",
        study,
    )
    return {
        int(place): OptunaTrial(
            config=params.get(trial, {}),
            value=values.get(trial),
            failure=_ENDED.get(state),
            started=started,
            ended=ended,
        )
        for place, trial, state, started, ended in trials
    }
