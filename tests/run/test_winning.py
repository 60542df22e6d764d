"""What a layer's rows say of its winner and of the default schedule: like beside like."""

from typing import Any

from dgtl_ray.core.measurement import Measurement, Stage, TimedIn
from dgtl_ray.run.winning import Alone, alone, best_of, place_of
from dgtl_ray.testing.measurements import example_measurement

INSIDE: dict[str, Any] = {"timed_in": TimedIn.NETWORK, "stage": Stage.CONFIRM, "passed_bytes": 9}


def row(trial: int, config: str, cost_s: float, **changes: Any) -> Measurement:
    return example_measurement(trial, config=config, cost_s=cost_s, **changes)


def test_the_default_schedule_and_the_winner_are_compared_alone() -> None:
    rows = [
        row(0, "", 4.0, passed_bytes=9),
        row(1, "a", 2.0, passed_bytes=9),
        row(2, "", 6.0, **INSIDE),
        row(3, "a", 3.0, **INSIDE),
    ]
    assert alone(rows, "a") == Alone(default_s=4.0, winner_s=2.0)
    assert alone(rows, "") == Alone(default_s=4.0, winner_s=4.0)


def test_times_of_two_protocols_are_not_mixed() -> None:
    warm = [row(0, "", 1.0), row(1, "a", 0.5)]
    cold = [row(2, "", 4.0, passed_bytes=9), row(3, "a", 2.0, passed_bytes=9)]
    assert alone([*warm, *cold], "a") == Alone(default_s=4.0, winner_s=2.0)
    assert alone([*warm, cold[1]], "a") == Alone(default_s=1.0, winner_s=0.5)
    assert alone([warm[0], cold[1]], "a") == Alone(default_s=1.0, winner_s=None)
    assert alone([cold[1]], "a") == Alone(default_s=None, winner_s=None)


def test_where_the_measurements_that_decided_were_made() -> None:
    rows = [row(0, "a", 2.0), row(1, "a", 3.0, **INSIDE)]
    for some, place in ((rows, TimedIn.NETWORK), (rows[:1], TimedIn.ALONE)):
        best = best_of(some)
        assert best is not None
        assert place_of(best, some) is place
