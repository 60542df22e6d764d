"""Searches against a recorded task."""

import json
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.tools.kept import KeptReplays
from dgtl_ray.bench.tools.replay import draw_sources, replay
from dgtl_ray.bench.tools.replay_report import ReplayReport, ReplayRun, deviation
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import FloatArray, IntArray
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.search.random_search import RandomProposer


def test_a_run_adds_up(tables: list[RecordedTable]) -> None:
    table = tables[0]
    report = replay(table, "random", trials=40, seeds=range(3))
    assert [run.seed for run in report.runs] == [0, 1, 2]
    for run in report.runs:
        assert len(run.best_s) == len(run.cost_s) == len(run.status) == len(run.propose_s) == 40
        found = [best for best in run.best_s if best is not None]
        assert found == sorted(found, reverse=True)
        assert run.best_s[-1] is not None
        assert run.best_s[-1] >= table.optimum_s
        assert (np.diff(run.cost_s) > 0.5).all(), "every build took at least half a second"
        assert Status.RUN_ERROR in run.status
    assert report.runs[0].status != report.runs[1].status


def test_a_search_learns_what_each_trial_cost(tables: list[RecordedTable]) -> None:
    table, told = tables[0], list[FloatArray]()

    class Watcher(RandomProposer):
        def observe(
            self, pool: IntArray, cost_s: FloatArray, status: Sequence[Status], spent_s: FloatArray
        ) -> None:
            index = table.space.index_of(pool)
            np.testing.assert_array_equal(spent_s, (table.compile_s + table.benchmark_s)[index])
            told.append(spent_s)
            super().observe(pool, cost_s, status, spent_s)

    (run,) = replay(table, "random", trials=24, seeds=[0], make=Watcher).runs
    np.testing.assert_allclose(run.cost_s, np.cumsum(np.concatenate(told)))


def test_an_exhausted_space_ends_the_run(tables: list[RecordedTable]) -> None:
    table = tables[0]
    report = replay(table, "evolutionary", trials=1000, seeds=[7], batch=50)
    (run,) = report.runs
    assert len(run.best_s) == table.space.size
    assert report.ratios(1000) == [1.0]
    spent_s = (table.compile_s + table.benchmark_s).sum()
    assert run.cost_s[-1] == pytest.approx(spent_s)
    assert sum(wait > 0 for wait in run.propose_s) == -(-table.space.size // 50)


def test_processes_change_nothing(tables: list[RecordedTable]) -> None:
    one, two = (
        replay(tables[0], "evolutionary", trials=24, seeds=range(2), jobs=jobs) for jobs in (1, 2)
    )
    assert [run.best_s for run in one.runs] == [run.best_s for run in two.runs]


def test_history_is_drawn_anew_for_each_seed(tables: list[RecordedTable]) -> None:
    target, source = tables
    (one,), (again,), (two,) = (draw_sources(target, [source], 30, seed) for seed in (1, 1, 2))
    assert one.encoding.shape == (30, len(target.space.columns))
    assert (one.device, one.name) == (source.device, "k_W6600")
    np.testing.assert_array_equal(one.encoding, again.encoding)
    assert (one.encoding != two.encoding).any()


def run_of(*best_s: float | None) -> ReplayRun:
    count = len(best_s)
    return ReplayRun(
        seed=0,
        best_s=best_s,
        cost_s=tuple(float(k + 1) for k in range(count)),
        status=(Status.OK,) * count,
        propose_s=(0.5,) + (0.0,) * (count - 1),
    )


def test_rows_tell_the_spread() -> None:
    runs = (run_of(*[3.0] * 8, *[1.5] * 8), run_of(None, *[2.0] * 15))
    report = ReplayReport(table="t", search="s", optimum_s=1.0, runs=runs)
    np.testing.assert_array_equal(report.ratios(1), [3.0, inf])
    first, second = report.rows()
    assert (first["trials"], second["trials"]) == (8, 16)
    assert (first["mean"], first["least"], first["most"]) == (2.5, 2.0, 3.0)
    assert second["std"] == pytest.approx(np.std([1.5, 2.0], ddof=1))
    assert (second["recorded_s"], second["propose_s"]) == (16.0, 0.5)
    assert report.row(1)["std"] is None


@pytest.mark.parametrize(
    ("numbers", "told"), [([1.0, 3.0], 2**0.5), ([1.0], None), ([1.0, inf], None)]
)
def test_a_deviation_is_that_of_a_sample(numbers: list[float], told: float | None) -> None:
    assert deviation(np.array(numbers)) == (None if told is None else pytest.approx(told))


@pytest.mark.parametrize(("trials", "shown"), [(3, [3]), (8, [8]), (20, [8, 16, 20])])
def test_the_last_trial_is_told(trials: int, shown: list[int]) -> None:
    report = ReplayReport(table="t", search="s", optimum_s=1.0, runs=(run_of(*[2.0] * trials),))
    assert [row["trials"] for row in report.rows()] == shown


def test_what_is_found_within_some_seconds() -> None:
    report = ReplayReport(table="t", search="s", optimum_s=1.0, runs=(run_of(None, 3.0, 2.0),))
    for seconds, ratio in ((0.5, inf), (1.0, inf), (2.9, 3.0), (99.0, 2.0)):
        assert report.ratios_within(seconds) == [ratio]


def test_the_report_is_json(tables: list[RecordedTable]) -> None:
    report = replay(tables[0], "random", trials=5, seeds=[3])
    told = json.loads(json.dumps(report.as_dict()))
    assert set(told) == {"table", "search", "optimum_s", "runs"}
    assert set(told["runs"][0]) == {"seed", "best_s", "cost_s", "status", "propose_s"}
    assert (told["table"], told["runs"][0]["seed"]) == ("k_A100", 3)


def test_unknown_searches_are_refused(tables: list[RecordedTable]) -> None:
    with pytest.raises(InputError, match="unknown search 'luck'"):
        replay(tables[0], "luck", trials=5, seeds=[0])


def test_bench_transfer(folder: Path) -> None:
    report = run_bench("transfer", quick=True, tables=folder, searches=["random", "autotvm"])
    means = report.tables[0].rows
    assert {row["target"] for row in means} == {"k_A100", "k_W6600"}
    assert {row["search"] for row in means} == {"random", "autotvm", "autotvm + history"}
    assert all(row["16"] >= 1.0 for row in means)
    (harm,) = [table.rows for table in report.tables if table.title == "with history ÷ without"]
    assert [row["search"] for row in harm] == ["autotvm + history"] * 2
    by_key = {(row["target"], row["search"]): row["16"] for row in means}
    for row in harm:
        alone = by_key[row["target"], "autotvm"]
        assert row["16"] == pytest.approx(by_key[row["target"], "autotvm + history"] / alone)


def test_bench_transfer_compares_with_rivals(folder: Path, tmp_path: Path) -> None:
    """And takes what was kept before: here, made-up replays of `dgtl`, each of another ratio."""
    options: dict[str, Any] = {"quick": True, "tables": folder, "seeds": 1, "runs": tmp_path}
    random = run_bench("transfer", searches=["random"], **options)
    assert random.tables[3].rows == []
    contenders = ["dgtl", "dgtl + history", "dgtl + noise", "dgtl + unrelated kernel"]
    for file in list(tmp_path.glob("*_random_*")):
        told = json.loads(file.read_text())
        for ratio, contender in enumerate(contenders, start=2):
            told["runs"][0]["best_s"] = [ratio * told["optimum_s"]] * 16
            name = file.name.replace("random", contender.replace(" ", "_"))
            (tmp_path / name).write_text(json.dumps(told))
    both = run_bench("transfer", searches=["random", "dgtl"], **options)
    means = {(row["target"], row["search"]): row["16"] for row in both.tables[0].rows}
    for target in ("k_A100", "k_W6600"):
        ratios = [means[target, contender] for contender in contenders]
        assert ratios == pytest.approx([2.0, 3.0, 4.0, 5.0])
    rivals = both.tables[3].rows
    assert [row["rival"] for row in rivals] == ["random"] * 2
    for row in rivals:
        assert row["16"] == pytest.approx(2.0 / means[row["target"], "random"])


def test_what_is_no_replay_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a_b.json").write_text("{}")
    report = ReplayReport(table="t", search="s", optimum_s=1.0, runs=(run_of(None, 2.0),))
    kept = KeptReplays(tmp_path)
    assert kept.get("c", lambda: report) == report
    assert kept.get("c", pytest.fail) == report
    with pytest.raises(InputError, match="holds no such result"):
        kept.get("a b", lambda: report)


def test_benches_refuse_what_they_do_not_take(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bench noise takes no option tables"):
        run_bench("noise", quick=True, tables=tmp_path)
    with pytest.raises(InputError, match="give their folder by --tables"):
        run_bench("transfer", quick=True)


@pytest.mark.parametrize(("rows", "equal"), [(12, False), (136, True)])
def test_a_source_of_few_rows_or_of_equal_latencies_stops_no_search(
    rows: int, equal: bool, tables: list[RecordedTable]
) -> None:
    def told(source: SourceTask, _rng: np.random.Generator) -> SourceTask:
        alike = np.where(np.isfinite(source.cost_s), 1e-3, np.nan)
        return replace(source, cost_s=alike) if equal else source

    report = replay(
        tables[0], "dgtl", trials=16, seeds=[0], sources=tables[1:], source_rows=rows, told=told
    )
    assert len(report.runs[0].best_s) == 16
