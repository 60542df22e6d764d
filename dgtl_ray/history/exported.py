"""What every export says: how much it wrote, what it left out, and that there was nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.reader import SkippedFile


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What one file holds, and which damaged files of the history could not be read.

    Attributes:
        out: The file.
        count: How much it holds.
        unit: Of what.
        skipped: Paths of the damaged files.
    """

    out: str
    count: int
    unit: str = "rows"
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        return with_damage(f"{self.count} {self.unit}: {self.out}", self.skipped)


def with_damage(text: str, skipped: Iterable[str]) -> str:
    """What was done, and a line for each damaged file that was left out."""
    return "\n".join([text, *(f"left out, damaged: {path}" for path in skipped)])


def paths_of(skipped: Iterable[SkippedFile]) -> tuple[str, ...]:
    """Where damaged files are."""
    return tuple(file.path for file in skipped)


def require_some(count: int, skipped: Sequence[SkippedFile], what: str = "row") -> None:
    """Check that there is something to export, before anything is written.

    Args:
        count: How many rows the condition admits.
        skipped: Damaged files, whose rows it might have admitted.
        what: What is exported.

    Raises:
        InputError: There is nothing.
    """
    if not count:
        text = f"no {what} matches: there is nothing to export"
        raise InputError(with_damage(text, paths_of(skipped)))
