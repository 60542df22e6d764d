"""Source tasks from histories: what was measured of other tasks, or on other devices."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Stage
from dgtl_ray.core.seeds import stream
from dgtl_ray.history.filters import row_filter
from dgtl_ray.history.protocol import HistoryStore


class SourceKey(NamedTuple):
    """What rows of one source share; of processors of one name, generations differ in target."""

    workload_key: str
    device_key: str
    target: str


_KEYS = SourceKey._fields
# What is read of every row; encodings, most of a history's bytes, are read of chosen rows alone.
_LIGHT = ["measurement_id", *_KEYS, "operator", "cost_s"]
_JUDGED = ["measurement_id", "device_key", "stage", "encoding"]
_JUDGED_OF_FUNCTIONS = ["measurement_id", *_KEYS]
_WHOLE = [*_LIGHT, "network", "task", "device", "encoding"]


@dataclass(frozen=True, kw_only=True)
class SourceQuery:
    """Which rows may be sources.

    Attributes:
        kind: Of the target: `cpu` or `cuda`.
        columns: Of its encoding; rows that were encoded in another way are left out.
        earlier: Columns of older rows, the first ones of these: they count 0 in the others.
        own: Tasks being tuned, on the device that is tuned for: they are no sources.
        most_rows: Of all sources together; of a larger history, each source gives some.
        least_rows: What a source gives at least, if it has them: where there are too many sources
            for that, the nearest are taken.
        device_key: Of the device that is tuned for; its sources are nearer than others.
        target: TVM's as JSON, likewise.
        operators: Of the tasks being tuned; sources of these are nearer than others.
    """

    kind: str
    columns: int
    earlier: Collection[int] = ()
    own: Collection[SourceKey] = ()
    most_rows: int = 5000
    least_rows: int = 32
    device_key: str = ""
    target: str = ""
    operators: Collection[str] = ()


def read_sources(histories: Sequence[HistoryStore], query: SourceQuery) -> tuple[SourceTask, ...]:
    """One source for each task, device and target; the same rows, in whatever files, give the same.

    Of a source that holds more than its share, half of what is taken are its fastest rows and
    half a random sample of the others, so that a model sees the fast end and the whole.

    Raises:
        InputError: A history cannot be read.
    """
    light = distinct_rows([store.scan(where=_where(query), columns=_LIGHT) for store in histories])
    chosen = _choose(light, query)
    if not chosen:
        return ()
    wanted = row_filter(measurement_id=chosen)
    whole = distinct_rows([store.scan(where=wanted, columns=_WHOLE) for store in histories])
    found = [_source(whole.take(rows), query.columns) for rows in groups_of_rows(whole)]
    return told_apart(found)


def told_apart(sources: Sequence[SourceTask]) -> tuple[SourceTask, ...]:
    """The sources; of several with one name, all but the first are numbered."""
    seen: Counter[str] = Counter()
    told = []
    for source in sources:
        seen[source.name] += 1
        again = f" ({seen[source.name]})" if seen[source.name] > 1 else ""
        told.append(replace(source, name=f"{source.name}{again}"))
    return tuple(told)


def why_unusable(histories: Sequence[HistoryStore], query: SourceQuery) -> str:
    """How many rows fail each condition of being a source, in words; for when none is one."""
    conditions = {
        "of other kinds of target": _of_kind(query),
        "not chosen by a search": _searched(query),
        "encoded in other columns": _readable(query),
    }
    rows = distinct_rows([store.scan(columns=_JUDGED) for store in histories])
    return _reasons(rows, conditions, "of the very tasks and device that are tuned")


def why_unusable_for_function(histories: Sequence[HistoryStore], own: SourceKey) -> str:
    """Likewise where a user's function is tuned: its sources are other functions' rows.

    Args:
        histories: Where none of the rows is one.
        own: The function that is tuned, on its device.
    """
    is_own = row_filter(**own._asdict())
    conditions = {
        "of networks": row_filter(target=FUNCTION_TARGET),
        "of the very function and device that are tuned": ~is_own,
    }
    rows = distinct_rows([store.scan(columns=_JUDGED_OF_FUNCTIONS) for store in histories])
    return _reasons(rows, conditions, "with too few of its parameters")


def _reasons(rows: Any, conditions: Mapping[str, Any], left: str) -> str:
    """How many rows fail each condition, by the first that they fail, in words.

    Args:
        rows: All there are.
        conditions: Arrow expressions, by what is said of rows that fail them.
        left: What is said of rows that fail none.
    """
    told, total = [], rows.num_rows
    for reason, condition in conditions.items():
        fine = rows.filter(condition)
        told.append((rows.num_rows - fine.num_rows, reason))
        rows = fine
    told.append((rows.num_rows, left))
    return f"{total} rows: " + ", ".join(f"{n} {why}" for n, why in told if n)


def _where(query: SourceQuery) -> Any:
    """Rows that search chose, told in the columns of the target's encoding."""
    return _searched(query) & _of_kind(query) & _readable(query)


def _searched(_query: SourceQuery) -> Any:
    return row_filter(stage=[Stage.TUNING_SET.value, Stage.SEARCH.value])


def _of_kind(query: SourceQuery) -> Any:
    return pc.starts_with(pc.field("device_key"), f"{query.kind}/")


def _readable(query: SourceQuery) -> Any:
    return pc.list_value_length(pc.field("encoding")).isin([query.columns, *query.earlier])


def distinct_rows(tables: Sequence[Any]) -> Any:
    """The rows of all tables, each measurement once, in the order of their names."""
    table = pa.concat_tables(tables).sort_by("measurement_id")
    ids = table.column("measurement_id").to_numpy(zero_copy_only=False)
    return table.take(np.unique(ids, return_index=True)[1])


def groups_of_rows(table: Any) -> list[NDArray[np.intp]]:
    """Rows of each task on each device for each target, in the order of their keys."""
    keys = pc.binary_join_element_wise(*(table.column(name) for name in _KEYS), "\n")
    _, group = np.unique(keys.to_numpy(zero_copy_only=False), return_inverse=True)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []


def _choose(table: Any, query: SourceQuery) -> list[str]:
    """Names of the measurements that sources are made of."""
    groups = [rows for rows in groups_of_rows(table) if source_key(table, rows) not in query.own]
    groups = _nearest(table, groups, query)
    share = _share([len(rows) for rows in groups], query.most_rows)
    cost_s = table.column("cost_s").to_numpy()
    picked = [rows[telling_rows(cost_s[rows], share)] for rows in groups]
    if not picked:
        return []
    names: list[str] = table.column("measurement_id").take(np.concatenate(picked)).to_pylist()
    return names


def _nearest(
    table: Any, groups: Sequence[NDArray[np.intp]], query: SourceQuery
) -> list[NDArray[np.intp]]:
    """As many sources as can give what each is to give at least; of one distance, at random."""
    order = stream(0, "nearest sources", len(groups)).permutation(len(groups))
    ranked = sorted(order, key=lambda group: _distance(table, groups[group], query))
    needed = np.cumsum([min(len(groups[group]), query.least_rows) for group in ranked])
    enough = max(1, int(np.searchsorted(needed, query.most_rows, side="right")))
    return [groups[group] for group in sorted(ranked[:enough])]


def _distance(table: Any, rows: NDArray[np.intp], query: SourceQuery) -> int:
    """In how many respects a source is unlike what is tuned."""
    operator = table.column("operator")[int(rows[0])].as_py()
    key = source_key(table, rows)
    elsewhere = (key.device_key, key.target) != (query.device_key, query.target)
    return (operator not in query.operators) + elsewhere


def _share(sizes: Sequence[int], most: int) -> int:
    """The most that every source may give, so that all together give at most `most`."""
    left = most
    for done, size in enumerate(sorted(sizes)):
        if size * (len(sizes) - done) > left:
            return left // (len(sizes) - done)
        left -= size
    return max(sizes, default=0)


def telling_rows(cost_s: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Up to `n` rows: the fastest, and as many of the others at random; failures are others."""
    if len(cost_s) <= n:
        return np.arange(len(cost_s))
    ranked = np.argsort(cost_s, kind="stable")
    fast = ranked[: n // 2]
    others = stream(0, "sources", len(cost_s)).permutation(ranked[n // 2 :])
    return np.sort(np.concatenate([fast, others[: n - len(fast)]]))


def source_key(table: Any, rows: NDArray[np.intp]) -> SourceKey:
    """What rows of one source share."""
    return SourceKey(*(table.column(name)[int(rows[0])].as_py() for name in _KEYS))


def _source(rows: Any, columns: int) -> SourceTask:
    """A source of rows that share their keys."""
    first = rows.slice(0, 1).to_pylist()[0]
    device = DeviceDescriptor(**first["device"])
    return SourceTask(
        name=f"{first['network']} {first['task']} on {device.name}",
        encoding=_encodings(rows.column("encoding").combine_chunks(), columns),
        cost_s=rows.column("cost_s").to_numpy(),
        device=device,
        task_key=first["workload_key"],
    )


def _encodings(lists: Any, columns: int) -> NDArray[np.float32]:
    """Encodings (n × columns), those of older rows filled up with zeros."""
    widths = pc.list_value_length(lists).to_numpy()
    filled = np.zeros((len(lists), columns), dtype=np.float32)
    filled[np.arange(columns) < widths[:, None]] = lists.flatten().to_numpy()
    return filled
