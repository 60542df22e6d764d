"""Rows of a file that mixes tasks and targets of TVM's, dealt out to their tasks."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.recorded.formats.targets import is_cpu, model_of
from dgtl_ray.recorded.formats.task import ImportedRow, ImportedTask


@dataclass(frozen=True, kw_only=True)
class TaskKey:
    """What tells tasks of one file apart.

    Attributes:
        name: Of the task, with its arguments.
        target: As text.
        version: Of the tool or of its format.
    """

    name: str
    target: str
    version: str


class TasksByKey:
    """Rows by task and target.

    Args:
        tool: Who wrote the file.
        objective: Of all tasks.
        conditional: As of `ImportedTask`.
    """

    def __init__(self, *, tool: str, objective: Objective, conditional: bool) -> None:
        self._tool = tool
        self._objective = objective
        self._conditional = conditional
        self._rows: dict[tuple[str, str], list[ImportedRow]] = defaultdict(list)
        self._versions: dict[tuple[str, str], str] = {}

    def add(self, key: TaskKey, row: ImportedRow) -> None:
        """Take a row in."""
        place = (key.name, key.target)
        self._rows[place].append(row)
        self._versions[place] = key.version

    def all(self, path: Path) -> list[ImportedTask]:
        """Every task.

        Raises:
            InputError: There is none.
        """
        if not self._rows:
            raise InputError(f"{path} holds no record")
        return [
            ImportedTask(
                tool=self._tool,
                name=name,
                objective=self._objective,
                rows=rows,
                device_name=model_of(target),
                device_kind="cpu" if is_cpu(target) else "gpu",
                toolchain={self._tool: self._versions[name, target], "target": target},
                conditional=self._conditional,
            )
            for (name, target), rows in self._rows.items()
        ]


def first_line(head: bytes) -> bytes:
    """The first line that is neither empty nor a remark after `#`."""
    lines = (line.strip() for line in head.splitlines())
    return next((line for line in lines if line and not line.startswith(b"#")), b"")
