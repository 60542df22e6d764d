"""The paper's table: what is worked out of searches, and all of it on a tiny network."""

import math
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.table1 import CONTENDERS, NETWORKS, above_best, history_of_others
from dgtl_ray.bench.tools.metaschedule_tuning import Trial
from dgtl_ray.bench.tools.searched import Searched, best_of_all_s
from dgtl_ray.bench.tools.table1_kept import KeptTable, shown
from dgtl_ray.bench.tools.table1_report import Row, hypervolume, reported
from dgtl_ray.core.errors import InputError
from dgtl_ray.history import BUILTIN, ParquetHistory
from tests.test_tune import NETWORK

WEIGHTS = {"a": 2, "b": 1}


def search(*costs: tuple[str, float | None]) -> Searched:
    """A trial each second."""
    trials = [Trial(at_s=k + 1.0, workload_key=key, cost_s=s) for k, (key, s) in enumerate(costs)]
    return Searched(
        began="2026-01-02 03:04", search_s=9.0, spent=None, trials=trials, module=Path("module")
    )


def row(contender: str, search_s: float, latency_s: float, network: str = "alexnet") -> Row:
    return Row(
        network=network,
        seed=0,
        contender=contender,
        began="2026-01-02 03:04",
        search_s=search_s,
        trials=10,
        failed=1,
        latency_s=latency_s,
        above_best=None if contender == "metaschedule" else latency_s / 0.8 - 1,
        equal_trials=8,
        equal_search_s=search_s / 2,
        equal_latency_s=latency_s,
        ours_equal_search_s=40.0,
        ours_equal_latency_s=0.95,
        settled_s=60.0,
        reached_by_ours_s=30.0,
        ours_at_its_end_s=1.0,
        spent=None,
    )


def test_a_network_takes_the_best_of_each_layer_as_often_as_it_is_called() -> None:
    one = search(("a", 3.0), ("b", 1.0), ("other", 0.1), ("a", None), ("a", 2.0), ("b", 4.0))
    assert one.failed == 1
    assert one.latency_s(WEIGHTS) == 5.0
    assert one.latency_s(WEIGHTS, 4) == 7.0
    assert one.latency_s(WEIGHTS, 1) == math.inf


def test_a_goal_is_reached_when_all_layers_together_are_there() -> None:
    one = search(("a", 3.0), ("b", 1.0), ("a", 2.0))
    assert one.reaching_s(WEIGHTS, 7.0) == 2.0
    assert one.reaching_s(WEIGHTS, 5.0) == 3.0
    assert one.reaching_s(WEIGHTS, 4.9) is None


def test_the_best_of_all_takes_each_layer_from_who_found_it() -> None:
    first, second = search(("a", 3.0), ("b", 1.0)), search(("a", 2.0), ("b", None), ("b", 4.0))
    assert best_of_all_s([first, second], WEIGHTS) == 5.0
    assert best_of_all_s([first], WEIGHTS) == 7.0


def test_a_search_alone_has_nothing_to_be_above() -> None:
    ours, other = search(("a", 2.0), ("b", 1.0)), search(("a", 1.0), ("b", 3.0))
    assert above_best({"dgtl": ours, "metaschedule": other}, WEIGHTS) == {}
    above = above_best({"dgtl": ours, "autotvm": other, "metaschedule": other}, WEIGHTS)
    assert above == pytest.approx({"dgtl": 5 / 3 - 1, "autotvm": 5 / 3 - 1})


def test_reductions_are_against_autotvm_and_their_product_is_hv() -> None:
    rows = [row("dgtl", 100.0, 0.9), row("autotvm", 400.0, 1.0), row("metaschedule", 600.0, 1.2)]
    report = reported(rows, {})
    ours = report.tables[0].rows[0]
    assert ours["search time saved (%)"] == pytest.approx(75.0)
    assert ours["latency saved (%)"] == pytest.approx(10.0)
    assert ours["HV"] == pytest.approx(7.5)
    assert ours["the paper's HV"] == 4.56
    assert report.tables[0].rows[1]["HV"] is None
    above = [one["layers above the best of all (%)"] for one in report.tables[0].rows]
    assert above == [pytest.approx(12.5), pytest.approx(25.0), None]
    reaching = {one["rival"]: one for one in report.tables[1].rows}
    assert reaching["metaschedule"]["share of its search"] == pytest.approx(0.05)
    assert report.figures["alexnet: HV to metaschedule"] == pytest.approx(100 * (5 / 6) * 0.25)
    equal = {one["rival"]: one for one in report.tables[2].rows}["autotvm"]
    assert (equal["trials"], equal["ours (s)"], equal["rival (s)"]) == (8, 40.0, 200.0)
    assert equal["HV"] == pytest.approx(80.0 * 5.0 / 100)
    rows[1] = replace(rows[1], equal_latency_s=math.inf)
    partly = {one["rival"]: one for one in reported(rows, {}).tables[2].rows}["autotvm"]
    assert (partly["rival (ms)"], partly["latency saved (%)"], partly["HV"]) == (None, None, None)


def test_losing_in_both_is_no_gain() -> None:
    assert hypervolume(-50.0, -10.0) == pytest.approx(-5.0)
    assert hypervolume(50.0, -10.0) == hypervolume(-50.0, 10.0) == pytest.approx(-5.0)


def test_networks_are_one_by_their_geometric_mean() -> None:
    """A rival that was never reached on one of them has none."""
    nets = ("alexnet", "vgg16")
    rows = [row(name, 300.0, 1.0, net) for net in nets for name in ("dgtl", "autotvm", "chameleon")]
    rows[1] = replace(rows[1], reached_by_ours_s=120.0)
    rows[2] = replace(rows[2], reached_by_ours_s=None)
    figures = reported(rows, {}).figures
    share = "share of its search, mean of 2 networks"
    assert figures[f"autotvm: {share}"] == pytest.approx(0.2)
    assert f"chameleon: {share}" not in figures


def test_several_seeds_are_told_by_median_and_spread() -> None:
    rows = [row("dgtl", s, 1.0) for s in (10.0, 30.0, 20.0)] + [row("autotvm", 100.0, 1.0)]
    ours = reported(rows, {}).tables[0].rows[0]
    assert (ours["search (s)"], ours["spread (s)"]) == (20.0, "10 to 30")
    assert ours["spread (ms)"] == "1000 to 1000"


def test_a_table_grows_sitting_by_sitting_and_keeps_its_settings(tmp_path: Path) -> None:
    table = KeptTable(tmp_path, {"device": "cpu/a/2", "layer_trials": 300})
    assert table.rows("alexnet", 0) == []
    for network in ("alexnet", "vgg16"):
        sitting = [row("dgtl", 100.0, 0.9, network), row("autotvm", 400.0, 1.0, network)]
        table.keep(network, 0, sitting)
        assert table.rows(network, 0) == sitting
    told = shown(tmp_path)
    assert [one["network"] for one in told.tables[0].rows] == 2 * ["alexnet"] + 2 * ["vgg16"]
    assert told.settings["device"] == "cpu/a/2"
    assert told.machine == table.report().machine
    kept = pq.read_table(tmp_path / "table1.parquet").to_pylist()
    assert [one["HV"] for one in kept] == [pytest.approx(7.5), None] * 2
    page = (tmp_path / "table1.md").read_text()
    assert page.startswith("the paper's figures are of one GPU")
    assert "| vgg16 | dgtl |" in page
    with pytest.raises(InputError, match="device was 'cpu/a/2', is 'cpu/b/2'"):
        KeptTable(tmp_path, {"device": "cpu/b/2", "layer_trials": 300})


def test_the_table_of_the_results_page_is_shown_where_no_folder_is_named() -> None:
    told = run_bench("table1", quick=False, show=True)
    contests = [table for table in told.tables if "search and latency" in table.title]
    assert [table.title.partition(":")[0] for table in contests] == [
        *("zen4", "zen5", "zen5-metaschedule")
    ]
    rows = [row for table in contests for row in table.rows]
    assert {row["network"] for row in rows} == set(NETWORKS)
    assert {row["contender"] for row in rows} == set(CONTENDERS)
    assert told.settings["zen4: layer_trials"] == 300
    assert told.settings["zen5-metaschedule: layer_trials"] == 100


def test_what_cannot_be_run_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--runs"):
        run_bench("table1", quick=False)
    with pytest.raises(InputError, match="no contender"):
        run_bench("table1", quick=False, runs=tmp_path, searches=["evolutionary"])
    with pytest.raises(InputError, match="holds no table"):
        run_bench("table1", quick=False, runs=tmp_path, show=True)


def test_ours_learns_from_no_layer_of_the_target(tmp_path: Path) -> None:
    columns = ["network", "workload_key"]
    shipped = ParquetHistory(BUILTIN).scan(columns=columns).to_pylist()
    shared = next(row["workload_key"] for row in shipped if row["network"] == "vgg16")
    learned = ParquetHistory(history_of_others("alexnet", [shared], tmp_path)).scan(columns=columns)
    expected = [
        row
        for row in shipped
        if row["network"] in {*NETWORKS} - {"alexnet"} and row["workload_key"] != shared
    ]
    assert {row["network"] for row in expected} == {*NETWORKS} - {"alexnet"}
    assert learned.num_rows == len(expected)
    assert {*map(tuple, (row.values() for row in learned.to_pylist()))} == {
        *map(tuple, (row.values() for row in expected))
    }


@pytest.mark.long
@pytest.mark.usefixtures("ray_cluster")
def test_all_contenders_on_a_tiny_network(tmp_path: Path) -> None:
    given = {"networks": [NETWORK], "runs": tmp_path}
    report = run_bench("table1", quick=True, **given)
    rows = report.tables[0].rows
    assert [one["contender"] for one in rows] == list(CONTENDERS)
    assert all(one["latency (ms)"] > 0 and one["trials"] > 0 for one in rows)
    assert all(one["sum"] == pytest.approx(1.0) for one in report.tables[3].rows)
    again = run_bench("table1", quick=True, show=True, **given)
    assert again.tables[0].rows == rows
    assert again.machine == report.machine
    assert run_bench("table1", quick=True, **given).tables[0].rows == rows
    assert pq.read_table(tmp_path / "table1.parquet").num_rows == len(rows)
    assert "| dgtl |" in (tmp_path / "table1.md").read_text()
    (sources,) = tmp_path.glob("*-0/history")
    assert set(ParquetHistory(str(sources)).scan(columns=["network"])["network"].to_pylist()) == {
        *("alexnet", "mobilenet_v1", "resnet18", "vgg16")
    }
    assert list(tmp_path.glob("*-0/cache/dgtl_ray/models/*"))
    with pytest.raises(InputError, match="quick was True, is False"):
        run_bench("table1", quick=False, **given)
