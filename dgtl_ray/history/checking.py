"""Whether a history is sound: every file, and every row by what its columns promise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.core.measurement import Stage, Status
from dgtl_ray.history.reader import SkippedFile
from dgtl_ray.history.store import ParquetHistory

_OK = pa.scalar(Status.OK.value)


@dataclass(frozen=True, kw_only=True)
class Soundness:
    """What was found.

    Attributes:
        rows: Measurements that could be read.
        damaged: Files that could not.
        broken: How many rows break each promise, by the promise; those alone that some break.
    """

    rows: int
    damaged: tuple[SkippedFile, ...]
    broken: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.broken)


def check_history(history: ParquetHistory) -> Soundness:
    """Read all of a history, page checksums verified, and judge every row.

    Raises:
        InputError: There is no history, or its storage cannot be read.
    """
    table = history.scan()
    broken = {text: _count(rule(table)) for text, rule in _PROMISES.items()}
    return Soundness(
        rows=table.num_rows,
        damaged=history.skipped,
        broken={text: count for text, count in broken.items() if count},
    )


def _count(mask: Any) -> int:
    return int(pc.sum(pc.fill_null(mask, False)).as_py() or 0)


def _is_ok(table: Any) -> Any:
    return pc.equal(table.column("status"), _OK)


def _unknown(column: str, known: type[Status] | type[Stage]) -> Callable[[Any], Any]:
    names = pa.array([member.value for member in known])
    return lambda table: pc.invert(pc.is_in(table.column(column), value_set=names))


def _no_positive_cost(table: Any) -> Any:
    cost = table.column("cost_s")
    fine = pc.and_(pc.is_finite(cost), pc.greater(cost, 0.0))
    return pc.and_(_is_ok(table), pc.invert(pc.fill_null(fine, False)))


def _cost_of_a_failure(table: Any) -> Any:
    return pc.and_(pc.invert(_is_ok(table)), pc.is_valid(table.column("cost_s")))


def _failure_without_a_reason(table: Any) -> Any:
    return pc.and_(pc.invert(_is_ok(table)), pc.equal(table.column("error"), ""))


def _negative_duration(table: Any) -> Any:
    return pc.or_(
        pc.less(table.column("build_s"), 0.0),
        pc.less(table.column("timing_s"), 0.0),
    )


_PROMISES: dict[str, Callable[[Any], Any]] = {
    "a status that is none": _unknown("status", Status),
    "a stage that is none": _unknown("stage", Stage),
    "ok, without a positive finite cost_s": _no_positive_cost,
    "failed, with a cost_s": _cost_of_a_failure,
    "failed, without an error": _failure_without_a_reason,
    "a negative duration": _negative_duration,
}
