"""The file that a command writes its result to, as JSON."""

import json
import math
from pathlib import Path
from typing import Any

from dgtl_ray.core.errors import InputError


def check_writable(file: Path | None, option: str = "--json") -> None:
    """Better to know before hours of search than after.

    Raises:
        InputError: There is no folder for it.
    """
    if file is not None and not file.absolute().parent.is_dir():
        raise InputError(f"{option} {file}: there is no folder {file.absolute().parent}")


def write_json(json_file: Path | None, value: Any) -> None:
    """Write `value` there, if it is to be written; numbers that are not finite become null.

    Raises:
        InputError: It cannot be written.
    """
    if json_file is None:
        return
    text = json.dumps(_without_infinities(value), indent=2, allow_nan=False)
    try:
        json_file.write_text(text + "\n")
    except OSError as error:
        raise InputError(f"cannot write {json_file}: {error.strerror}") from error


def _without_infinities(value: Any) -> Any:
    """JSON has neither infinities nor NaN, which Python would write all the same."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_infinities(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(one) for one in value]
    return value
