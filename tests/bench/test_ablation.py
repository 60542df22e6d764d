"""What `dgtl bench ablation` tells, and how predictions are judged."""

from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.ablation import VARIANTS
from dgtl_ray.bench.tools.watched import Predictions, Watched
from dgtl_ray.core.errors import InputError
from dgtl_ray.recorded.recorded import RecordedTable
from dgtl_ray.search import ProposerContext
from dgtl_ray.search.dgtl import DgtlProposer

pytestmark = pytest.mark.slow


def predictions(spread: float, count: int = 4000) -> Predictions:
    """Of normal measurements, with a standard deviation that is so many times the true one."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=count)
    return Predictions(
        mean=mean, std=np.full(count, 0.5 * spread), measured=mean + 0.5 * rng.normal(size=count)
    )


@pytest.mark.parametrize(("spread", "held"), [(1.0, 0.9), (0.5, 0.59), (3.0, 1.0)])
def test_intervals_hold_what_their_width_says(spread: float, held: float) -> None:
    assert predictions(spread).held(0.9) == pytest.approx(held, abs=0.015)


def test_ranking_is_of_the_fastest_alone() -> None:
    measured = np.arange(100.0)
    mean = np.where(measured < 10, -measured, measured)
    told = Predictions(mean=mean, std=np.ones(100), measured=measured)
    assert told.ranking(0.1) == pytest.approx(-1.0)
    assert told.ranking() > 0.9


def test_a_watched_search_is_the_same_search(tables: list[RecordedTable]) -> None:
    table = tables[0]
    context = ProposerContext(
        space=table.space, seed=0, task_key=table.task_key, device=table.device
    )
    plain, watched = DgtlProposer(context), Watched(DgtlProposer(context), table)
    asked, foretold = list[int](), 0
    for _ in range(3):
        proposal, same = plain.propose(8), watched.propose(8)
        np.testing.assert_array_equal(proposal.pool, same.pool)
        index = table.space.index_of(proposal.pool)
        asked += index.tolist()
        if proposal.predicted_mean is not None:
            foretold += int(np.isfinite(table.cost_s[index]).sum())
        status = [table.status[k] for k in index]
        for proposer in (plain, watched):
            proposer.observe(proposal.pool, table.cost_s[index], status, table.spent_s[index])
    (rest,) = watched.rest.values()
    assert len(rest.measured) == np.isfinite(np.delete(table.cost_s, asked[:16])).sum()
    told = Predictions.joined(watched.proposed)
    assert len(told.measured) == foretold > 0
    assert (told.std > 0).all()


def test_errors_are_factors_of_the_fastest_part() -> None:
    told = Predictions(
        mean=np.log([1.0, 4.0, 3.0]), std=np.ones(3), measured=np.log([2.0, 2.0, 300.0])
    )
    assert told.error(0.5) == pytest.approx(2.0)
    assert told.error() == pytest.approx((2.0 * 2.0 * 100.0) ** (1 / 3))


def test_no_variant_of_that_name(folder: Path) -> None:
    with pytest.raises(InputError, match="no variant"):
        run_bench("ablation", quick=True, tables=folder, searches=["hollow"])


@pytest.mark.long
def test_bench_ablation(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "predicted.html"
    report = run_bench("ablation", quick=True, tables=folder, seeds=1, figure=page)
    assert report.settings["seeds"] == 1
    drawn = page.read_text()
    assert "k_A100: " in drawn
    assert "k_W6600: " in drawn
    assert "k_A100, selected" in drawn
    assert "error, random" in drawn
    mean, _, ranking, seconds, calibration = (table.rows for table in report.tables)
    for target in ("k_A100", "k_W6600"):
        assert {row["variant"] for row in mean if row["target"] == target} == set(VARIANTS)
        assert {row["tuning set"] for row in ranking if row["target"] == target} == {
            "selected",
            "random",
        }
    assert all(row["16"] >= 1.0 for row in mean)
    assert all(row["cost-aware"] >= 1.0 and row["seconds"] > 0 for row in seconds)
    # One seed has no deviation.
    assert {row["± (sd)"] for row in ranking} == {None}
    assert {row["sd, whole"] for row in seconds} == {None}
    assert all(0.0 <= row["proposed"] <= 1.0 for row in calibration)
