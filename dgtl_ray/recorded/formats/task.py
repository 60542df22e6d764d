"""What a file of another tuner tells: tasks, and what each configuration of them gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Status

Config = Mapping[str, Any]


class ImportedRow(NamedTuple):  # made three times as fast as a frozen dataclass
    """One configuration, measured, or the way in which it failed.

    Attributes:
        config: Value of each knob, as the file has it: anything that JSON can hold.
        error: What went wrong; "" where it was ok.
        metrics: Numbers by name, the objective's among them where it was ok.
        repeats_s: Every repeat of the timing, where the file tells them.
        build_s: What building took; 0 where the file does not tell.
        timing_s: What timing took, likewise.
        created_at: When; None where the file does not tell.
    """

    config: Config
    status: Status
    error: str = ""
    metrics: Mapping[str, float] = MappingProxyType({})
    repeats_s: tuple[float, ...] = ()
    build_s: float = 0.0
    timing_s: float = 0.0
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportedTask:
    """One task on one device.

    Attributes:
        tool: Who wrote the file: `kernel-tuner`, `autotvm`, …
        name: Of the task; the same kernel and problem size has the same on every device.
        device_name: What the file calls the device; "" where it does not say.
        device_kind: `gpu` or `cpu`; what a name that nobody knows is taken for.
        declared: Values of each knob that the file declares, measured or not.
        toolchain: Versions by tool, and the target where the file names one.
        numbers: Of the rows, ascending, where a trial's number stays whatever others there are:
            trials that have not ended have no row yet. None where a file only grows at its end.
        began: When the first trial of a study began, which other studies of its name, whose trials
            have the same numbers, do not share; UTC where the file names no zone, so that it is the
            same on every machine. None where it is not known.
        conditional: Whether a row may lack knobs that others have: as the file grows, so may its
            knobs, and they are no part of what the task is.
    """

    tool: str
    name: str
    objective: Objective
    rows: Sequence[ImportedRow]
    device_name: str = ""
    device_kind: str = "gpu"
    declared: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    toolchain: Mapping[str, str] = field(default_factory=dict)
    numbers: Sequence[int] | None = None
    began: datetime | None = None
    conditional: bool = False

    @cached_property
    def knobs(self) -> tuple[str, ...]:
        """Names of all knobs, in the order in which the file first names them."""
        named = dict.fromkeys(self.declared)
        return tuple(named | dict.fromkeys(name for row in self.rows for name in row.config))


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What a user says of a file that does not say it itself; "" for nothing.

    Attributes:
        metric: Which number is the objective.
        mode: `min` or `max`.
    """

    metric: str = ""
    mode: str = ""

    def objective(self, metric: str, mode: str) -> Objective:
        """What the user says, else what the file says.

        Raises:
            InputError: There is no such mode.
        """
        return Objective(metric=self.metric or metric, mode=self.mode or mode)


class Importer(Protocol):
    """Reads the files of one tool."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""
        ...

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether a file that begins so, or a folder, whose head is empty, is of this format."""
        ...

    def read(self, path: Path, hints: Hints) -> list[ImportedTask]:
        """Everything that it tells.

        Raises:
            InputError: It is damaged, or not of this format; the message says where and why.
        """
        ...
