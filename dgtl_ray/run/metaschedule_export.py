"""The best of a history as a database of MetaSchedule's."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgtl_ray.core.algorithms import DIRECT
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.precision import OWN
from dgtl_ray.core.shapes import AS_IN_FILE, Shapes
from dgtl_ray.history import (
    BestConfig,
    ParquetHistory,
    new_folder,
    paths_of,
    require_some,
    whole_folder,
    with_damage,
)
from dgtl_ray.measure import SpaceReader
from dgtl_ray.model import Network, TargetSpec, load_network, parse_target
from dgtl_ray.run.winning import best_of
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.configuration import names_algorithm


@dataclass(frozen=True, kw_only=True)
class MetaScheduleReport:
    """What a database has, and what it could not have.

    Attributes:
        layers: Records, one a layer task.
        missing: Of layer tasks of the network without a record, why.
        replaced: Of layers that another algorithm computes fastest, what that costs here.
        skipped: Damaged files of the history, which were left out.
    """

    out: str
    layers: int
    missing: tuple[str, ...]
    replaced: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.layers} of {self.layers + len(self.missing)} layers: {self.out}"
        return with_damage("\n".join([text, *self.replaced, *self.missing]), self.skipped)


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """A layer's winner, and the fastest that a trace can express; None where there is none."""

    name: str
    winner: BestConfig | None
    best: BestConfig | None
    schedule: str = ""

    def missing(self) -> str:
        """Why there is no record, "" where there is one."""
        if self.best is not None:
            return ""
        if self.winner is None:
            return f"{self.name}: no row of it was ok"
        return f"{self.name}: only {self.algorithm()} was measured, which is no trace of TVM's"

    def replaced(self) -> str:
        """What the record costs beside the winner, "" where it is the winner."""
        if not (self.best and self.winner and self.algorithm()):
            return ""
        slower = self.best.latency_s / self.winner.latency_s
        return (
            f"{self.name}: its fastest is {self.algorithm()}, which is no trace of TVM's; the "
            f"record is of the fastest sketch of TVM's, {slower:.2f} × its time"
        )

    def algorithm(self) -> str:
        """Of the winner."""
        config = self.winner.config if self.winner else ""
        return str(json.loads(config).get("algorithm", "")) if config else ""


def export_metaschedule(
    uri: str,
    out: str,
    where: str | None = None,
    *,
    network: str = "",
    shapes: Shapes = AS_IN_FILE,
    precision: str = OWN,
) -> MetaScheduleReport:
    """Write the fastest schedule of each layer as MetaSchedule's two JSON files.

    They are what a deployment of ours takes for a layer, its weights' order with them, where that
    is one of TVM's sketches or a CPU's default schedule.

    Args:
        uri: Of the history.
        out: A new folder; it appears whole or not at all.
        where: Which rows; they must be of one network, target and device.
        network: Where it is, if rows call it by another name; as `dgtl tune` takes it.
        shapes: As in the run that measured.
        precision: The same.

    Raises:
        InputError: No such history or rows, rows of several networks or devices, a network that
            cannot be loaded or has none of these tasks, or the folder cannot be written.
    """
    target_folder = new_folder(out)
    store = ParquetHistory(uri)
    store.require_rows()
    rows = store.measurements(where)
    require_some(len(rows), store.skipped)
    _require_one_run_of_layers(rows, network)
    target = parse_target(rows[0].target)
    with SpaceReader() as reader:
        loaded = load_network(
            network or rows[0].network, target, shapes=shapes, precision=precision
        )
        spaces = reader.read(loaded.tasks, target.json, (DIRECT,))
    choices = _choices(loaded, spaces, rows)
    if not any(choice.best for choice in choices):
        raise InputError(
            f"no layer of {loaded.name} has a row here that a trace can express; "
            + "; ".join(choice.missing() for choice in choices)
        )
    _write(loaded, target, choices, target_folder)
    return MetaScheduleReport(
        out=out,
        layers=sum(choice.best is not None for choice in choices),
        missing=tuple(filter(None, (choice.missing() for choice in choices))),
        replaced=tuple(filter(None, (choice.replaced() for choice in choices))),
        skipped=paths_of(store.skipped),
    )


def _require_one_run_of_layers(rows: Sequence[Measurement], network: str) -> None:
    """Refuse rows that no single database is of."""
    if any(json.loads(row.target)["kind"] == "function" for row in rows):
        raise InputError("rows of functions have no programs: no database of MetaSchedule has them")
    of = {
        "network": {row.network for row in rows} if not network else {network},
        "target": {row.target for row in rows},
        "device_key": {row.device_key for row in rows},
    }
    for column, values in of.items():
        if len(values) > 1:
            told = " or ".join(f"{column} == {value!r}" for value in sorted(values)[:3])
            raise InputError(
                f"a database is of one {column}, these rows are of {len(values)}: choose with "
                f"--where, {told}"
            )


def _choices(
    network: Network, spaces: Sequence[DesignSpace], rows: Sequence[Measurement]
) -> list[_Choice]:
    by_task: dict[str, list[Measurement]] = defaultdict(list)
    for row in rows:
        by_task[row.workload_key].append(row)
    return [
        _choice(task.name, space, by_task[task.workload_key])
        for task, space in zip(network.tasks, spaces, strict=True)
    ]


def _choice(name: str, space: DesignSpace, rows: Sequence[Measurement]) -> _Choice:
    """What is written of a task, of whose rows all are of one target and device."""
    direct = [row for row in rows if _expressible(row, space)]
    best = best_of(direct)
    schedule = space.schedule_of(space.row_of(best.config)) if best and best.config else ""
    return _Choice(name=name, winner=best_of(rows), best=best, schedule=schedule)


def _expressible(row: Measurement, space: DesignSpace) -> bool:
    """Whether a trace says what a row's configuration does."""
    if not row.config:
        return space.kind == "cpu"
    return not names_algorithm(row.config) and space.holds(row.space_key, row.config)


def _write(network: Network, target: TargetSpec, choices: Sequence[_Choice], folder: Path) -> None:
    """Write the records, whole or not at all."""
    from dgtl_ray.deploy.metaschedule import Timed, write_database

    chosen = {
        task.workload_key: Timed(schedule=choice.schedule, latency_s=choice.best.latency_s)
        for task, choice in zip(network.tasks, choices, strict=True)
        if choice.best is not None
    }
    with whole_folder(folder) as hidden:
        write_database(network, target, chosen, hidden)
