"""Runs that experiments need: made once, kept in a folder, and used again."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure.host import describe_cpu_host
from dgtl_ray.model import parse_target
from dgtl_ray.report import PlainMonitor
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.knowledge import begun_on
from dgtl_ray.tuner import Tuner

# Beside the run: what it was asked for, which its own state does not hold.
_ASKED = "asked.json"
_TOLD = (
    *("search_alg", "seed", "time_budget_s", "min_gain"),
    *("samples_per_layer", "patience_per_layer"),
)


def tuned_run(
    folder: Path, network: str, config: TuneConfig, history: Sequence[str] = ()
) -> FinishedRun:
    """The finished run in a folder, made or gone on with where it is not finished.

    Raises:
        InputError: It was begun on another kind of machine, whose modules cannot be compared, or
            was asked for something else.
    """
    there = RunFolder(folder)
    if there.has_run():
        _require_this_machine(there)
    _require_asked(folder, {"network": network} | {name: getattr(config, name) for name in _TOLD})
    if not (there.has_run() and there.read().finished):
        monitor = PlainMonitor(Console(stderr=True), interval_s=60.0)
        Tuner(
            network,
            tune_config=config,
            run_config=RunConfig(
                name=folder.name, storage_path=folder.parent, compare=False, monitor=monitor
            ),
            history=history,
            resume=there.has_run(),
        ).fit()
    return FinishedRun(there)


def _require_this_machine(folder: RunFolder) -> None:
    state = folder.read()
    store = ParquetHistory(state.history)
    begun = begun_on(store, state.run_id) if store.exists() else "", state.target
    here = describe_cpu_host().key, parse_target("cpu").json
    if begun[0] and begun != here:
        raise InputError(
            f"{folder.uri} was begun on {' '.join(begun)}, this is {' '.join(here)}: name another "
            "folder by --runs"
        )


def _require_asked(folder: Path, asked: dict[str, object]) -> None:
    """Note what is asked for, or check that it is what was noted."""
    note = folder.with_name(f"{folder.name}-{_ASKED}")
    if not note.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(asked))
    if (noted := json.loads(note.read_text())) != asked:
        raise InputError(f"{folder} holds {noted}, not {asked}: name another folder by --runs")
