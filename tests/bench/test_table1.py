"""The paper's table: what is worked out of searches, and all of it on a tiny network."""

import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.table1 import CONTENDERS
from dgtl_ray.bench.tools.metaschedule_tuning import Trial
from dgtl_ray.bench.tools.searched import Searched, best_of_all_s
from dgtl_ray.bench.tools.table1_report import Row, reported
from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory
from tests.test_tune import NETWORK

WEIGHTS = {"a": 2, "b": 1}


def search(*costs: tuple[str, float | None]) -> Searched:
    """A trial each second."""
    trials = [Trial(at_s=k + 1.0, workload_key=key, cost_s=s) for k, (key, s) in enumerate(costs)]
    return Searched(search_s=9.0, spent=None, trials=trials, module=Path("module"))


def row(contender: str, search_s: float, latency_s: float, network: str = "alexnet") -> Row:
    return Row(
        network=network,
        seed=0,
        contender=contender,
        search_s=search_s,
        trials=10,
        failed=1,
        latency_s=latency_s,
        above_best=None if contender == "metaschedule" else latency_s / 0.8 - 1,
        fewest_trials=10,
        at_fewest_s=latency_s,
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


def test_several_seeds_are_told_by_median_and_spread() -> None:
    rows = [row("dgtl", s, 1.0) for s in (10.0, 30.0, 20.0)] + [row("autotvm", 100.0, 1.0)]
    ours = reported(rows, {}).tables[0].rows[0]
    assert (ours["search (s)"], ours["spread (s)"]) == (20.0, "10 to 30")


def test_what_cannot_be_run_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--runs"):
        run_bench("table1", quick=False)
    with pytest.raises(InputError, match="no contender"):
        run_bench("table1", quick=False, runs=tmp_path, searches=["evolutionary"])
    with pytest.raises(InputError, match="holds no table"):
        run_bench("table1", quick=False, runs=tmp_path, show=True)


@pytest.mark.long
@pytest.mark.usefixtures("ray_cluster")
def test_all_contenders_on_a_tiny_network(tmp_path: Path) -> None:
    given = {"networks": [NETWORK], "runs": tmp_path}
    report = run_bench("table1", quick=True, **given)
    rows = report.tables[0].rows
    assert [one["contender"] for one in rows] == list(CONTENDERS)
    assert all(one["latency (ms)"] > 0 and one["trials"] > 0 for one in rows)
    assert all(one["sum"] == pytest.approx(1.0) for one in report.tables[3].rows)
    assert run_bench("table1", quick=True, show=True, **given).tables[0].rows == rows
    assert run_bench("table1", quick=True, **given).tables[0].rows == rows
    assert pq.read_table(tmp_path / "table1.parquet").num_rows == len(rows)
    assert "| dgtl |" in (tmp_path / "table1.md").read_text()
    (sources,) = tmp_path.glob("*-0/history")
    assert set(ParquetHistory(str(sources)).scan(columns=["network"])["network"].to_pylist()) == {
        *("alexnet", "mobilenet_v1", "resnet18", "vgg16")
    }
    (note,) = tmp_path.glob("*-0/device.txt")
    note.write_text("cpu/another/64")
    (tmp_path / "rows").rename(tmp_path / "old")
    with pytest.raises(InputError, match="was begun on cpu/another/64"):
        run_bench("table1", quick=True, **given)
