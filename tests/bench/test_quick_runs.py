"""Experiments with nothing to take apart: each runs through, in small, and tells what it should."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.algorithms import LAYERS
from dgtl_ray.bench.tools.small_networks import NETWORKS
from dgtl_ray.bench.tools.ulp import EXACT
from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.core.algorithms import DIRECT
from dgtl_ray.tuner import Tuner
from tests.test_tune import NETWORK

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_every_algorithm_of_a_layer_is_compared_with_tvms() -> None:
    (table,) = run_bench("algorithms", quick=True).tables
    assert {row["layer"] for row in table.rows} == {LAYERS[0]}
    ratios = {row["algorithm"]: row["÷ direct"] for row in table.rows}
    assert len(ratios) > 1
    assert ratios[DIRECT] == 1.0
    assert all(row["ms"] > 0 for row in table.rows)


def test_rewriting_graphs_leaves_less() -> None:
    (table,) = run_bench("graph", quick=True).tables
    pairs = list(zip(table.rows[::2], table.rows[1::2], strict=True))
    assert [after["network"] for _, after in pairs] == list(NETWORKS)
    for before, after in pairs:
        assert (before["passes"], after["passes"]) == ("before", "after")
        for what in ("layers", "elementwise or moving", "transposes", "MB"):
            assert before[what] == "fails" or after[what] <= before[what]


@pytest.mark.usefixtures("ray_cluster")
def test_a_finished_run_is_looked_into_layer_by_layer(tmp_path: Path) -> None:
    grid = Tuner(
        NETWORK,
        tune_config=TuneConfig(num_samples=6, search_alg="random"),
        run_config=RunConfig(name="run", storage_path=tmp_path, compare=False),
    ).fit()
    report = run_bench("inside", quick=True, runs=tmp_path / "run")
    (table,) = report.tables
    assert {row["layer"] for row in table.rows} == {result.task for result in grid}
    for way in ("alone", "as timed", "inside"):
        each = [row["weight"] * row[f"{way} (us)"] for row in table.rows]
        assert report.figures[f"sum {way} (ms)"] == pytest.approx(sum(each) / 1e3)
        assert min(each) > 0


def test_what_is_killed_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """In a process of its own: it brings a cluster up, and this one may have one already."""
    kept = tmp_path / "bench.json"
    command = [sys.executable, "-m", "dgtl_ray", "bench", "kills", "--quick", "--json", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(kept.read_text())["figures"]
    assert figures["killed"] == 5
    assert figures["stored"] >= figures["reported"] > 0
    for what in ("lost", "stored twice", "measured twice", "processes left over"):
        assert figures[what] == 0, what


def test_functions_keep_their_bound_on_every_kind_of_cpu() -> None:
    report = run_bench("math", quick=True)
    errors, speeds, layers = (table.rows for table in report.tables)
    assert [row["function"] for row in errors] == list(EXACT) * 3
    assert report.figures["max_ulp"] <= report.figures["bound"]
    assert {row["name"] for row in speeds} == set(EXACT)
    assert all(row["C ÷ ours"] > 0 for row in (*speeds, *layers))


def test_the_model_is_timed_by_rows_measurements_and_pool() -> None:
    trained, *batches = (table.rows for table in run_bench("model", quick=True).tables)
    assert [row["rows"] for row in trained] == [500, 2_000]
    by_history, by_measured, by_pool = batches
    assert [row["history"] for row in by_history] == [0, 500, 2_000]
    assert [row["measured"] for row in by_measured] == [64]
    assert [row["pool"] for row in by_pool] == [2_000, 20_000]
    assert all(row["cpu_s"] > 0 for rows in (trained, *batches) for row in rows)


def test_searchers_of_ray_tune_are_driven_and_kept(folder: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"quick": True, "tables": folder, "trials": 16, "runs": tmp_path}
    (table,) = run_bench("searchers", **options).tables
    assert [row["kernel"] for row in table.rows] == ["k_A100", "k_W6600"]
    searchers = [name for name in table.rows[0] if name != "kernel"]
    assert {"DgtlSearch + history", "OptunaSearch", "BasicVariantGenerator"} < set(searchers)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 * len(searchers)
    assert all(1 <= json.loads(file.read_text()) <= 16 for file in files)
    # What is kept is taken as it is.
    for file in files:
        file.write_text("7")
    (again,) = run_bench("searchers", **options).tables
    for row in again.rows:
        assert [row[name] for name in searchers] == pytest.approx([7.0] * len(searchers))
