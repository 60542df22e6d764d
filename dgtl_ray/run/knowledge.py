"""What a run knows before its first trial: rows of its own tasks, and what others taught."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import Knowledge, SourceTask
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.progress import Monitor
from dgtl_ray.core.task import LayerTask
from dgtl_ray.engine.layer import Transfer
from dgtl_ray.history import (
    HistoryStore,
    ParquetHistory,
    SourceKey,
    SourceQuery,
    read_sources,
    recall_fastest,
    row_filter,
    why_unusable,
)
from dgtl_ray.search import learns_from_sources
from dgtl_ray.space.encoding.encoder import column_names, earlier_widths, widen

# Few rows are learned in few steps: search waits for them. More rows take more, by passes.
_LEAST_STEPS = 150
# Sources that a note names; it counts the rest.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Experience:
    """Histories, seen from the tasks of one network.

    A row of one of these tasks on the device that will time, for the same target, is an
    observation; every other row of the same kind of target, the same task's on another device
    among them, belongs to a source.

    Attributes:
        stores: Where rows are read.
        tasks: Of the network.
        target: TVM's target as JSON.
        search: Name of the proposer that is to learn.
        model: What was learned beforehand, used instead of the stores' sources where it is given.
        beyond: Stores of which the model does not know: where they hold something to learn from,
            all stores are learned from, and the model is not used.
    """

    stores: Sequence[HistoryStore]
    tasks: Sequence[LayerTask]
    target: str
    search: str
    model: Knowledge | None = None
    beyond: Sequence[HistoryStore] = ()

    def observations(self, device: DeviceDescriptor) -> list[Measurement]:
        """Rows of these tasks for this target on this kind of device."""
        keys = [task.workload_key for task in self.tasks]
        where = row_filter(workload_key=keys, device_key=device.key, target=self.target)
        rows = [row for store in self.stores for row in store.measurements(where)]
        return list({row.measurement_id: row for row in rows}.values())

    def recall(self, device: DeviceDescriptor) -> list[Measurement]:
        """What was fast of these tasks on other devices, for proposers that learn of others."""
        if not learns_from_sources(self.search):
            return []
        keys = [task.workload_key for task in self.tasks]
        return recall_fastest(self.stores, keys, device, self.target)

    def learn(self, device: DeviceDescriptor, monitor: Monitor) -> Knowledge:
        """Sources, and the deep GP of them where the proposer is `dgtl`.

        Raises:
            InputError: A history cannot be read, or the model is of another kind of target.
        """
        if not learns_from_sources(self.search):
            return Knowledge()
        query = self._query(device)
        if self.model is not None and not self._is_more_known(query):
            return _fitting(self.model, device.kind, query.columns)
        known = Knowledge(sources=read_sources(self.stores, query))
        if not known.sources and len(self.stores) > 1:
            reasons = why_unusable(self.stores, query)
            monitor.note(f"history tells nothing of other tasks or devices; {reasons}")
        return pretrained(known, monitor, hasty=True) if self.search == "dgtl" else known

    def _query(self, device: DeviceDescriptor) -> SourceQuery:
        own = {SourceKey(task.workload_key, device.key, self.target) for task in self.tasks}
        return SourceQuery(
            kind=device.kind,
            columns=len(column_names(device.kind)),
            earlier=earlier_widths(device.kind),
            own=own,
            device_key=device.key,
            target=self.target,
            operators={task.operator for task in self.tasks},
        )

    def _is_more_known(self, query: SourceQuery) -> bool:
        """Whether there is something to learn that the model does not know of."""
        sources = read_sources(self.beyond, query) if self.beyond else ()
        if not sources:
            return False
        from dgtl_ray.transfer.usable import usable

        return bool(usable(sources))


def begun_on(store: HistoryStore, run_id: str) -> str:
    """Key of the kind of device that a run has measured on so far, "" where it has not yet."""
    rows = store.scan(where=row_filter(run_id=run_id), columns=["device_key"])
    keys: list[str] = rows.column("device_key").unique().to_pylist()
    return keys[0] if keys else ""


def pretrained(known: Knowledge, monitor: Monitor, *, hasty: bool = False) -> Knowledge:
    """The sources that a model can learn from, and the deep GP of them, made or found in the cache.

    Where numerics do not allow one, a note says so, and nothing is known.

    Args:
        known: All sources.
        monitor: Is told how it goes.
        hasty: Whether somebody waits: half the time, for a rank correlation lower by 0.003.
    """
    from dgtl_ray.transfer.checkpoint import pack, pretrain_once
    from dgtl_ray.transfer.pretraining import PretrainConfig
    from dgtl_ray.transfer.usable import LEAST, usable

    sources = usable(known.sources)
    if left := [source.name for source in known.sources if source not in sources]:
        monitor.note(
            f"left out, for fewer than {LEAST} latencies, all alike, or none that tells of the"
            f" others: {_some(left)}"
        )
    if not sources:
        return Knowledge()
    rows = sum(len(source.cost_s) for source in sources)
    monitor.note(f"learning from {rows} measurements of {len(sources)} source tasks")
    try:
        config = PretrainConfig(steps=_LEAST_STEPS)
        if hasty:
            config = replace(config, passes=8, learning_rate=0.06)
        model = pretrain_once(sources, model_cache(), config)
    except ArithmeticError as error:
        monitor.note(f"history is not used: {error}")
        return Knowledge()
    return Knowledge(sources=sources, model=pack(model))


def pretrain_histories(
    uris: Sequence[str], kind: str, folder: Path, monitor: Monitor, rows: int
) -> tuple[SourceTask, ...]:
    """Make a model of everything that histories hold for a kind of target, and keep it.

    Args:
        uris: Of the histories.
        kind: `cpu` or `cuda`.
        folder: Where the model goes.
        monitor: Is told how it goes.
        rows: The most measurements that are learned from.

    Returns:
        The sources that it was made of.

    Raises:
        InputError: A history cannot be read, or holds too little, or the folder holds other things.
    """
    from dgtl_ray.transfer.stored_knowledge import require_model_folder, save_knowledge
    from dgtl_ray.transfer.usable import LEAST

    require_model_folder(folder)
    query = SourceQuery(
        kind=kind,
        columns=len(column_names(kind)),
        earlier=earlier_widths(kind),
        most_rows=rows,
    )
    stores = [ParquetHistory(uri) for uri in uris]
    for store in stores:
        store.require_rows()
    read = Knowledge(sources=read_sources(stores, query))
    known = pretrained(read, monitor)
    if known.model is None:
        named = ", ".join(store.uri for store in stores)
        raise InputError(
            f"{named}: no task to learn from, with {LEAST} {kind} latencies or more that differ and"
            " tell of one another"
        )
    save_knowledge(known, folder)
    return known.sources


def read_model(folder: Path) -> Knowledge:
    """What `pretrain_histories` kept.

    Raises:
        InputError: It is not there, or cannot be read.
    """
    from dgtl_ray.transfer.stored_knowledge import load_knowledge

    return load_knowledge(folder)


def _some(names: Sequence[str]) -> str:
    """A few of them by name, the rest as a number."""
    named, more = names[:_NAMED], len(names) - _NAMED
    return ", ".join([*named, f"{more} more"] if more > 0 else named)


def _fitting(model: Knowledge, kind: str, columns: int) -> Knowledge:
    """The model, its sources told in the target's columns; those of an earlier version grow.

    Raises:
        InputError: The sources are told in other columns than the target's.
    """
    kinds = {source.device.kind for source in model.sources}
    widths = {source.encoding.shape[1] for source in model.sources}
    if kinds != {kind} or not widths <= {columns, *earlier_widths(kind)}:
        raise InputError(
            f"the model was made for {', '.join(sorted(kinds))}, in {sorted(widths)} columns, not"
            f" for {kind} in {columns}: make one with dgtl pretrain --target {kind}"
        )
    if widths == {columns}:
        return model
    sources = (replace(s, encoding=widen(s.encoding, columns)) for s in model.sources)
    return replace(model, sources=tuple(sources))


def transfer_notes(layers: Sequence[str], transfers: Sequence[Transfer]) -> tuple[str, ...]:
    """In which layers history has no say, and what layers did without, and why."""
    judged = list(zip(layers, transfers, strict=False))
    notes = [
        f"{layer}: {fallback}"
        for layer, transfer in judged
        for fallback in dict.fromkeys(transfer.fallbacks)
    ]
    deaf = [layer for layer, transfer in judged if transfer.sources and not transfer.heard]
    if deaf:
        notes.insert(0, f"history is in doubt, and had no say in the end, in {', '.join(deaf)}")
    return tuple(notes)


def model_cache() -> Path:
    """Where pre-trained models are kept, by the content that they were trained on."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "dgtl_ray" / "models"
