"""The file that a command writes its result to, as JSON."""

import json
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
    """Write `value` there, if it is to be written.

    Raises:
        InputError: It cannot be written.
    """
    if json_file is None:
        return
    try:
        json_file.write_text(json.dumps(value, indent=2) + "\n")
    except OSError as error:
        raise InputError(f"cannot write {json_file}: {error.strerror}") from error
