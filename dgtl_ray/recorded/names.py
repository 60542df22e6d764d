"""Names of imported rows: one that stands for a measurement never stands for another."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dgtl_ray.history import ParquetHistory, row_filter

# What tells a measurement from another in its place: when it was made is no part of it.
_TOLD = ["trial", "config", "status", "error", "cost_s", "repeats_s"]


def told_apart(store: ParquetHistory, table: Any, *, numbered: bool) -> Any:
    """The rows, under other names where a history has their own for other measurements.

    Args:
        store: The history that they are to be added to.
        table: Rows of one run, by trial.
        numbered: Whether a trial's number stays whatever others there are; else it is its place in
            a file that only grows at its end.

    Raises:
        InputError: The history cannot be read.
    """
    if not store.exists():
        return table
    return _trial_by_trial(store, table) if numbered else _as_a_whole(store, table)


def _as_a_whole(store: ParquetHistory, table: Any) -> Any:
    """All rows under another run's name where the history holds one of them otherwise.

    Names come from a task's first measurement; two files may begin alike and go on differently.
    The other name comes from the rows up to the first that differs, so that it stays when the file
    grows. A third file may begin like the second, so the other name may be taken, too.
    """
    ours = table.select(_TOLD)
    own = run_id = table.column("run_id")[0].as_py()
    while differing := _held_otherwise(store, run_id, ours):
        alike = ours.slice(0, differing[0] + 1)
        run_id = f"{own}-{_hash([run_id, alike.to_pylist()])[:8]}"
    return table if run_id == own else _named(table, [run_id] * table.num_rows)


def _trial_by_trial(store: ParquetHistory, table: Any) -> Any:
    """Each row that the history holds otherwise under the name of a run of its own.

    A trial went on since it was imported, and its last report is another; or two studies share
    their name and all that was known of them when they began. Other rows keep their names: which
    of them are there depends on what has ended. What the row says makes the new name, so that
    nothing else has it.
    """
    ours = table.select(_TOLD)
    own = table.column("run_id")[0].as_py()
    differing = frozenset(_held_otherwise(store, own, ours))
    if not differing:
        return table
    run_ids = [
        f"{own}-{_hash([own, row])[:16]}" if row["trial"] in differing else own
        for row in ours.to_pylist()
    ]
    return _named(table, run_ids)


def _held_otherwise(store: ParquetHistory, run_id: str, ours: Any) -> list[int]:
    """Trials that a run of the history has, too, with other measurements; ascending."""
    held = store.scan(where=row_filter(run_id=run_id), columns=_TOLD).sort_by("trial")
    same = ours.filter(_among(ours, held))
    held = held.filter(_among(held, ours))
    if same.equals(held):  # nearly always; one by one they take as long as reading the file
        return []
    pairs = zip(same.to_pylist(), held.to_pylist(), strict=True)
    return [row["trial"] for row, other in pairs if row != other]


def _among(rows: Any, others: Any) -> Any:
    """Which rows are of a trial that others have, too."""
    return pc.is_in(rows.column("trial"), others.column("trial"))


def _hash(told: Any) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _named(table: Any, run_ids: Sequence[str]) -> Any:
    """The rows under the names of other runs."""
    trials = table.column("trial").to_pylist()
    columns = {
        "run_id": pa.array(run_ids),
        "measurement_id": pa.array(
            [f"{run_id}-{trial}" for run_id, trial in zip(run_ids, trials, strict=True)]
        ),
    }
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), values)
    return table
