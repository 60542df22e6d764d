"""Measures a search between its first full queues and its end."""

import pytest

from dgtl_ray.bench.tools.meter import ROLES, EnoughError, Meter
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.testing.measurements import example_measurement


def make(kept: list[Measurement], **changes: object) -> Meter:
    settings = {"window_s": 0.0, "settle_s": 0.0, "ready": lambda: True, "keep": kept.extend}
    return Meter(**{**settings, **changes})  # type: ignore[arg-type]


def test_it_ends_the_search_once_it_has_seen_enough() -> None:
    kept: list[Measurement] = []
    meter = make(kept)
    for trial, stage in enumerate([Stage.DEFAULT, Stage.SEARCH, Stage.SEARCH]):
        meter.append([example_measurement(trial, stage=stage)])
    with pytest.raises(EnoughError):
        meter.append([example_measurement(3, timing_s=5.0), example_measurement(4, timing_s=1.0)])
    assert [row.trial for row in kept] == [0, 1, 2, 3, 4]
    row = meter.row(devices=2)
    assert row["utilisation"] * 2 / row["trials_per_s"] == pytest.approx((5.0 + 1.0) / 2)
    assert sum(row[f"{role}_ms"] for role in ROLES) == pytest.approx(row["all_ms"])
    assert 0 <= row["others"] <= row["busy"]


@pytest.mark.parametrize("changes", [{"ready": lambda: False}, {"settle_s": 60.0}])
def test_it_waits_for_the_devices_and_for_full_queues(changes: dict[str, object]) -> None:
    meter = make([], **changes)
    for trial in range(6):
        meter.append([example_measurement(trial)])
    with pytest.raises(ValueError, match="before the window"):
        meter.row(devices=1)
