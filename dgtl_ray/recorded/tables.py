"""Recorded tasks by their address."""

import re
from pathlib import Path

from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.recorded_file import read_file
from dgtl_ray.recorded.recorded_history import read_history_task

# A workload key is none of these; what follows its `@`, keys of devices and targets, may be all.
_OF_A_HISTORY = re.compile(r"(.+?)#([^#@/]*(?:@.*)?)", re.DOTALL)


def read_table(address: str, hints: Hints | None = None) -> RecordedTable:
    """The recorded task at an address.

    Args:
        address: A file of another tuner with one task in it (a Kernel Tuner cache, an AutoTVM
            log, …), or `URI#workload` for a task in a history.
        hints: What a file does not say; a history says everything.

    Raises:
        InputError: There is no such thing, or it cannot be read.
    """
    task = _OF_A_HISTORY.fullmatch(address)
    if task and not _exists(address):
        return read_history_task(*task.groups())
    return read_file(Path(address), hints)


def _exists(address: str) -> bool:
    """Whether there is such a file: some addresses are longer than names of files may be."""
    try:
        return Path(address).exists()
    except OSError:
        return False


def read_tables(folder: Path) -> list[RecordedTable]:
    """Every Kernel Tuner file of a folder, by name.

    Raises:
        InputError: There is none, or one cannot be read.
    """
    files = sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")])
    if not files:
        raise InputError(f"{folder}: there is no Kernel Tuner file (.json, .json.gz) in it")
    return [read_table(str(file)) for file in files]
