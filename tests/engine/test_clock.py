"""Where the search time goes, by a clock that the test moves."""

import pytest

from dgtl_ray.engine import clock as clock_module
from dgtl_ray.engine.clock import Phase, SearchClock, SearchTime


class Hands:
    """Instead of the module `time`."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(clock_module, "time", hands)
    return hands


def test_phases_and_idle_add_up_to_the_total(hands: Hands) -> None:
    clock = SearchClock()
    with clock.phase(Phase.BUILDING):
        hands.now_s += 2.0
    hands.now_s += 3.0
    clock.add(Phase.TIMING, 1.0)
    assert clock.read() == SearchTime(total=5.0, proposing=0.0, building=2.0, timing=1.0, idle=2.0)


def test_a_resumed_clock_goes_on(hands: Hands) -> None:
    before = SearchTime(total=100.0, proposing=1.0, building=50.0, timing=40.0, idle=9.0)
    clock = SearchClock(before)
    hands.now_s += 4.0
    assert clock.read() == SearchTime(
        total=104.0, proposing=1.0, building=50.0, timing=40.0, idle=13.0
    )


@pytest.mark.usefixtures("hands")
def test_what_was_started_before_the_search_counts_as_idle() -> None:
    clock = SearchClock(ahead_s=100.0)
    assert clock.elapsed_s == 100.0
    assert clock.read().idle == 100.0
