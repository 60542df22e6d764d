"""What a trial costs beside its function, on a dozen trials."""

import pytest

from dgtl_ray.bench import run_bench

pytestmark = pytest.mark.long


def test_every_tuner_calls_the_function_as_often() -> None:
    report = run_bench("overhead", quick=True, trials=4)
    (table,) = report.tables
    assert [row["tuner"] for row in table.rows] == ["dgtl_ray", "ray.tune", "Optuna"]
    assert all(isinstance(value, float) for value in report.figures.values())
    ours, rays = (float(row["overhead_ms"]) for row in table.rows[:2])
    assert report.figures["dgtl_ray ÷ ray.tune"] == pytest.approx(ours / rays)
