"""What ships, on a tiny network."""

import pytest

from dgtl_ray.bench import run_bench
from tests.test_tune import NETWORK

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("ray_cluster")]


def test_a_network_is_tuned_three_times_and_timed_in_turn() -> None:
    report = run_bench("shipped", quick=True, networks=[NETWORK], time_budget=4.0)
    (table,) = report.tables
    (row,) = table.rows
    assert row["with ÷ without"] == pytest.approx(row["with (ms)"] / row["without (ms)"])
    assert all(value > 0 for name, value in row.items() if name.endswith("(ms)"))
    assert len(report.figures) == 2
