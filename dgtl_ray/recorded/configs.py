"""Configurations of other tuners as JSON, and whether their knobs hold what a model can take."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.formats.task import ImportedRow, ImportedTask

_JSON = json.JSONEncoder(allow_nan=False)
_MOST_CONFIG_CHARS = 1 << 20
_WHOLE = 1 << 63


def configs_of(task: ImportedTask) -> list[str]:
    """Each row's configuration as JSON.

    A knob takes few values, so the text of each is made once: that halves the time.

    Raises:
        InputError: A knob holds what JSON cannot, or a number that no model can take.
    """
    texts: dict[tuple[str, type, Any], str] = {}
    with _takeable(task):
        return [_config(row, texts) for row in task.rows]


def check_knobs(task: ImportedTask) -> None:
    """Check all values of all knobs, those that a file only declares too.

    Raises:
        InputError: As `configs_of`.
    """
    configs_of(task)
    with _takeable(task):
        for name, values in task.declared.items():
            for value in values:
                _knob(name, value)


@contextmanager
def _takeable(task: ImportedTask) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{task.name}: a knob holds what no model can take: {error}") from error


def _config(row: ImportedRow, texts: dict[tuple[str, type, Any], str]) -> str:
    """A configuration as JSON.

    Raises:
        ValueError, TypeError, RecursionError: JSON cannot hold it, or it is too long.
    """
    told = []
    for name, value in row.config.items():
        kind = type(value)
        if kind is not int and kind is not str and kind is not bool:
            told.append(_knob(name, value))
            continue
        text = texts.get((name, kind, value))
        if text is None:
            text = texts[name, kind, value] = _knob(name, value)
        told.append(text)
    text = f"{{{', '.join(told)}}}"
    if len(text) > _MOST_CONFIG_CHARS:
        raise ValueError(text[:200])
    return text


def _knob(name: str, value: Any) -> str:
    """A knob and its value, as an object of JSON has them.

    Raises:
        ValueError: It holds a number that is not finite, or needs more than 64 bits.
    """
    for part in value if isinstance(value, list) else (value,):
        if isinstance(part, int) and not -_WHOLE <= part < _WHOLE:
            raise ValueError(f"{str(part)[:200]} needs more than 64 bits")
    return f"{_JSON.encode(name)}: {_JSON.encode(value)}"
