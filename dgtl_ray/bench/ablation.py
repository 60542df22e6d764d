"""What each part of `dgtl` is worth: the whole beside the whole without one part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.figure import TuningSet, draw
from dgtl_ray.bench.tools.replay import replay
from dgtl_ray.bench.tools.replay_report import ReplayReport, deviation
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.watched import MOMENTS, Predictions, Watched
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.recorded.tables import read_tables
from dgtl_ray.search import ProposerContext
from dgtl_ray.search.dgtl import DgtlProposer
from dgtl_ray.search.dgtl_config import DgtlConfig
from dgtl_ray.transfer.checkpoint import content_key
from dgtl_ray.transfer.pretraining import PretrainConfig, Pretrained, pretrain
from dgtl_ray.transfer.target_gp import Tuning
from dgtl_ray.transfer.usable import usable

MILESTONES = (16, 32, 64, 100)
# Part of a space that matters: its fastest.
_FAST = 0.05
WHOLE, RANDOM_SET, COST_AWARE = "whole", "random tuning set", "cost-aware"
VARIANTS: Mapping[str, DgtlConfig] = MappingProxyType(
    {
        WHOLE: DgtlConfig(),
        RANDOM_SET: DgtlConfig(selected=False),
        "not tuned": DgtlConfig(tuning=Tuning.NONE),
        "tuned by likelihood alone": DgtlConfig(tuning=Tuning.LIKELIHOOD),
        "hyperparameters' prior without history": DgtlConfig(transferred_prior=False),
        "shallow": DgtlConfig(pretrain=PretrainConfig(hidden=0)),
        "no guard": DgtlConfig(guard=False),
        "no opinions of single sources": DgtlConfig(opinion_share=0.0),
        "nothing in the tuning set but favourites": DgtlConfig(representative_share=0.0),
        "no neighbours of the fastest": DgtlConfig(local_share=0.0),
        COST_AWARE: DgtlConfig(cost_aware=True),
    }
)


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is run; `steps` of pre-training where they are fewer than usual."""

    seeds: int
    trials: int
    steps: int | None = None

    def config(self, variant: str) -> DgtlConfig:
        config = VARIANTS[variant]
        if self.steps is None:
            return config
        return replace(config, pretrain=replace(config.pretrain, steps=self.steps))


_FULL = _Size(seeds=10, trials=100)
_QUICK = _Size(seeds=1, trials=16, steps=50)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Result:
    """One variant on one target: its runs, and what it predicted in each."""

    variant: str
    report: ReplayReport
    watched: Sequence[Watched]


class _Models:
    """Deep GPs, each pre-trained once, however many variants take it."""

    def __init__(self) -> None:
        self._made: dict[str, Pretrained] = {}

    def of(self, sources: Sequence[SourceTask], config: PretrainConfig) -> Pretrained:
        key = content_key(sources, config)
        if key not in self._made:
            self._made[key] = pretrain(sources, config)
        return self._made[key]


def run(
    *,
    quick: bool,
    tables: Path | None = None,
    seeds: int | None = None,
    searches: Sequence[str] = (),
    figure: Path | None = None,
) -> BenchReport:
    """Every variant on every recorded task; `quick` takes 1 seed and 16 trials.

    Args:
        quick: A smoke run.
        tables: Folder of Kernel Tuner files, of one kernel on several devices.
        seeds: Runs of each, where they are not as many as usual.
        searches: Variants beside the whole; all without.
        figure: HTML file for what a chosen tuning set is worth, and predicted against measured
            latencies.

    Raises:
        InputError: No folder was given, or its files cannot be read.
        MissingExtraError: A figure was asked for and Plotly is not installed.
    """
    if tables is None:
        raise InputError("bench ablation replays recorded kernels: give their folder by --tables")
    if unknown := set(searches) - set(VARIANTS):
        raise InputError(f"no variant {sorted(unknown)}: there are {list(VARIANTS)}")
    size = _QUICK if quick else _FULL
    size = replace(size, seeds=seeds or size.seeds)
    recorded = read_tables(tables)
    models = _Models()
    results = [
        _replay(target, recorded, variant, models, size)
        for target in recorded
        for variant in VARIANTS
        if not searches or variant in {WHOLE, *searches}
    ]
    if figure is not None:
        draw(_tuning_sets(results), _proposed(results), figure)
    return BenchReport(
        name="ablation",
        tables=[
            BenchTable(title="mean best/optimum", rows=_rows(results, "mean")),
            BenchTable(title="standard deviation over seeds", rows=_rows(results, "std")),
            BenchTable(title="the space predicted from the tuning set", rows=_ranking(results)),
            BenchTable(title="best/optimum by recorded seconds", rows=_seconds(results)),
            BenchTable(title="part inside 90 % intervals", rows=_calibration(results)),
        ],
        figures={},
        settings={
            "seeds": size.seeds,
            "trials": size.trials,
            "source_rows": 500,
            "quick": quick,
        },
    )


def _replay(
    target: RecordedTable,
    recorded: Sequence[RecordedTable],
    variant: str,
    models: _Models,
    size: _Size,
) -> _Result:
    config, watched = size.config(variant), list[Watched]()

    def make(context: ProposerContext) -> Watched:
        known = replace(context, sources=usable(context.sources))
        model = models.of(known.sources, config.pretrain) if known.sources else None
        watched.append(Watched(DgtlProposer(known, config, model), target))
        return watched[-1]

    report = replay(
        target,
        "dgtl",
        trials=size.trials,
        seeds=range(size.seeds),
        sources=[table for table in recorded if table is not target],
        make=make,
    )
    return _Result(variant=variant, report=report, watched=watched)


def _rows(results: Sequence[_Result], statistic: str) -> list[dict[str, Any]]:
    """One row for each target and variant, a column for each milestone."""
    return [
        {"target": one.report.table, "variant": one.variant}
        | {str(after): one.report.row(after)[statistic] for after in _reached(one.report)}
        for one in results
    ]


def _reached(report: ReplayReport) -> list[int]:
    """The milestones that every run came to."""
    shortest = min(len(run.best_s) for run in report.runs)
    return [after for after in MILESTONES if after <= shortest]


def _tuning_sets(results: Sequence[_Result]) -> list[TuningSet]:
    """The tuning set as the deep GP chooses it, and drawn at random."""
    return [
        TuningSet(
            device=one.report.table,
            chosen="random" if one.variant == RANDOM_SET else "selected",
            report=one.report,
            errors=np.array([seen.rest[MOMENTS[0]].error(_FAST) for seen in one.watched]),
        )
        for one in results
        if one.variant in {WHOLE, RANDOM_SET}
    ]


def _ranking(results: Sequence[_Result]) -> list[dict[str, Any]]:
    """How well the tuning set lets the rest of the space be told, and its fastest part."""
    watched = {(one.report.table, one.variant): one.watched for one in results}
    rows = []
    for one in _tuning_sets(results):
        variant = RANDOM_SET if one.chosen == "random" else WHOLE
        told = [seen.rest[MOMENTS[0]] for seen in watched[one.device, variant]]
        fast = np.array([predictions.ranking(_FAST) for predictions in told])
        everything = np.array([predictions.ranking() for predictions in told])
        rows.append(
            {
                "target": one.device,
                "tuning set": one.chosen,
                "best found": float(one.report.ratios(MOMENTS[0]).mean()),
                "fastest 5 %": float(fast.mean()),
                "± (sd)": deviation(fast),
                "everything": float(everything.mean()),
                "error, fastest 5 %": float(one.errors.mean()),
            }
        )
    return rows


def _seconds(results: Sequence[_Result]) -> list[dict[str, Any]]:
    """What is found in the time that the whole takes for so many trials."""
    rows = []
    by_key = {(one.report.table, one.variant): one.report for one in results}
    for table in dict.fromkeys(one.report.table for one in results):
        plain, aware = by_key[table, WHOLE], by_key.get((table, COST_AWARE))
        if aware is None:
            break
        for after in _reached(plain):
            seconds = float(np.mean([run.cost_s[after - 1] for run in plain.runs]))
            found = {"whole": plain, "cost-aware": aware}
            ratios = {name: report.ratios_within(seconds) for name, report in found.items()}
            rows.append(
                {"target": table, "seconds": seconds}
                | {name: float(ratio.mean()) for name, ratio in ratios.items()}
                | {f"sd, {name}": deviation(ratio) for name, ratio in ratios.items()}
            )
    return rows


def _proposed(results: Sequence[_Result]) -> dict[str, Predictions]:
    """What the whole predicted of its proposals, by target."""
    return {
        one.report.table: Predictions.joined(
            [part for seen in one.watched for part in seen.proposed]
        )
        for one in results
        if one.variant == WHOLE
    }


def _calibration(results: Sequence[_Result]) -> list[dict[str, Any]]:
    """Of the whole: of what was proposed, and of all that was not measured yet."""
    proposed, rows = _proposed(results), []
    for one in results:
        if one.variant == WHOLE:
            row: dict[str, Any] = {"target": one.report.table}
            row["proposed"] = proposed[one.report.table].held()
            for after in one.watched[0].rest:
                rest = Predictions.joined([seen.rest[after] for seen in one.watched])
                row[f"the rest after {after}"] = rest.held()
            rows.append(row)
    return rows
