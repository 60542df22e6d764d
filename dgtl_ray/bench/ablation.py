"""What each part of `dgtl` is worth: the whole beside the whole without one part."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dgtl_ray.bench.replay import replay
from dgtl_ray.bench.replay_report import ReplayReport
from dgtl_ray.bench.report import BenchReport, BenchTable
from dgtl_ray.core.errors import InputError
from dgtl_ray.measure.recorded import RecordedTable
from dgtl_ray.measure.tables import read_tables
from dgtl_ray.search.dgtl import DgtlConfig, DgtlProposer
from dgtl_ray.transfer.pretraining import PretrainConfig

MILESTONES = (16, 32, 64, 100)
VARIANTS = {
    "whole": DgtlConfig(),
    "random tuning set": DgtlConfig(selected=False),
    "hyperparameters' prior without history": DgtlConfig(transferred_prior=False),
    "shallow": DgtlConfig(pretrain=PretrainConfig(hidden=0)),
    "no guard": DgtlConfig(guard=False),
}


def run(*, quick: bool, tables: Path | None = None) -> BenchReport:
    """Best/optimum of every variant on every recorded task; `quick` takes 1 seed and 16 trials.

    Args:
        quick: A smoke run.
        tables: Folder of Kernel Tuner files, of one kernel on several devices.

    Raises:
        InputError: No folder was given, or its files cannot be read.
    """
    if tables is None:
        raise InputError("bench ablation replays recorded kernels: give their folder by --tables")
    seeds, trials = (1, 16) if quick else (10, 100)
    recorded = read_tables(tables)
    reports = [
        (name, _replay(target, recorded, config, seeds, trials))
        for target in recorded
        for name, config in VARIANTS.items()
    ]
    return BenchReport(
        name="ablation",
        tables=[
            BenchTable(title="mean best/optimum", rows=_rows(reports, trials, "mean")),
            BenchTable(title="standard deviation over seeds", rows=_rows(reports, trials, "std")),
        ],
        figures={},
        settings={"seeds": seeds, "trials": trials, "source_rows": 500, "quick": quick},
    )


def _replay(
    target: RecordedTable,
    recorded: Sequence[RecordedTable],
    config: DgtlConfig,
    seeds: int,
    trials: int,
) -> ReplayReport:
    return replay(
        target,
        "dgtl",
        trials=trials,
        seeds=range(seeds),
        sources=[table for table in recorded if table is not target],
        make=partial(DgtlProposer, config=config),
    )


def _rows(
    reports: Sequence[tuple[str, ReplayReport]], trials: int, statistic: str
) -> list[dict[str, Any]]:
    """One row for each target and variant, a column for each milestone."""
    return [
        {"target": report.table, "variant": name}
        | {str(after): report.row(after)[statistic] for after in MILESTONES if after <= trials}
        for name, report in reports
    ]
