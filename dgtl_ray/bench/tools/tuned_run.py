"""Runs that experiments need: made once, kept in a folder, and used again."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.report import PlainMonitor
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.tuner import Tuner


def tuned_run(
    folder: Path, network: str, config: TuneConfig, history: Sequence[str] = ()
) -> FinishedRun:
    """The finished run in a folder, made or gone on with where it is not finished."""
    there = RunFolder(folder)
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
