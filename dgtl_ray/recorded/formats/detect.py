"""Which format a file is of."""

from collections.abc import Sequence
from pathlib import Path

from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.formats.ansor import Ansor
from dgtl_ray.recorded.formats.autotvm import AutoTVM
from dgtl_ray.recorded.formats.bounded import head_of
from dgtl_ray.recorded.formats.kernel_tuner import KernelTuner
from dgtl_ray.recorded.formats.ktt import Ktt
from dgtl_ray.recorded.formats.metaschedule import MetaSchedule
from dgtl_ray.recorded.formats.optuna import Optuna
from dgtl_ray.recorded.formats.optuna_journal import OptunaJournal
from dgtl_ray.recorded.formats.ray_tune import RayTune
from dgtl_ray.recorded.formats.task import Hints, ImportedTask, Importer

IMPORTERS: Sequence[Importer] = (
    Optuna(),
    OptunaJournal(),
    Ansor(),
    AutoTVM(),
    MetaSchedule(),
    Ktt(),
    KernelTuner(),
    RayTune(),
)


def importer_called(name: str) -> Importer:
    """The importer of that name.

    Raises:
        InputError: There is none.
    """
    for importer in IMPORTERS:
        if importer.name == name:
            return importer
    known = ", ".join(importer.name for importer in IMPORTERS)
    raise InputError(f"no format {name!r}; there are: {known}")


def importer_of(path: Path) -> Importer:
    """Who reads a file or folder, by what is in it.

    Raises:
        InputError: There is no such file, it cannot be read, or nobody knows what it is.
    """
    head = head_of(path)
    for importer in IMPORTERS:
        if importer.recognises(path, head):
            return importer
    known = ", ".join(importer.name for importer in IMPORTERS)
    raise InputError(f"{path} is of no format that is read here ({known}): check that it is whole")


def read_tasks(path: Path, hints: Hints, file_format: str = "") -> list[ImportedTask]:
    """Everything that a file of another tuner tells.

    Raises:
        InputError: It cannot be read; the message says why.
    """
    importer = importer_called(file_format) if file_format else importer_of(path)
    try:
        return importer.read(path, hints)
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a record of a tuner") from None
