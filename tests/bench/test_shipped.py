"""What ships, on a tiny network."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from dgtl_ray.bench import run_bench, shipped
from dgtl_ray.bench.tools.finished_run import FinishedRun
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.history import BUILTIN
from tests.test_tune import NETWORK

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("ray_cluster")]


def test_a_network_is_tuned_three_times_and_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float | timedelta | None, tuple[str, ...]]] = []

    def noting(
        folder: Path, network: str, config: TuneConfig, history: Sequence[str]
    ) -> FinishedRun:
        asked.append((config.time_budget_s, tuple(history)))
        return tuned_run(folder, network, config, history)

    monkeypatch.setattr(shipped, "tuned_run", noting)
    report = run_bench("shipped", quick=True, networks=[NETWORK], time_budget=4.0)
    assert asked == [(4.0, ()), (1.0, (BUILTIN,)), (4.0, (BUILTIN,))]
    (table,) = report.tables
    (row,) = table.rows
    assert row["with ÷ without"] == pytest.approx(row["with (ms)"] / row["without (ms)"])
    assert all(value > 0 for name, value in row.items() if name.endswith("(ms)"))
    assert len(report.figures) == 2
