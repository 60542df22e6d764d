import time

import pytest

from dgtl_ray.engine.clock import Phase, SearchClock, SearchTime


def test_phases_and_idle_add_up_to_the_total() -> None:
    clock = SearchClock()
    with clock.phase(Phase.BUILDING):
        time.sleep(0.02)
    time.sleep(0.02)
    spent = clock.read()
    assert spent.building >= 0.02
    assert spent.idle >= 0.02
    assert spent.total == pytest.approx(
        spent.proposing + spent.building + spent.timing + spent.idle
    )


def test_a_resumed_clock_goes_on() -> None:
    before = SearchTime(total=100.0, proposing=1.0, building=50.0, timing=40.0, idle=9.0)
    spent = SearchClock(before).read()
    assert spent.total >= 100.0
    assert spent.building == 50.0
    assert spent.idle == pytest.approx(9.0, abs=0.1)


def test_what_was_started_before_the_search_counts_as_idle() -> None:
    clock = SearchClock(ahead_s=100.0)
    assert 100 <= clock.elapsed_s < 101
    assert 100 <= clock.read().idle < 101
