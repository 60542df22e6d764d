"""Comparing contenders in turn."""

from dataclasses import dataclass, field

import pytest

from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.measure.latency import Latency, compare_latency


@dataclass
class ScriptedContender:
    """Takes the seconds that it is told to, and fails where it is told to."""

    name: str
    log: list[str]
    seconds: list[float] = field(default_factory=lambda: [1.0])
    fails_in: str = ""

    def start(self) -> None:
        self._note("start")

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        self._note("time")
        return self.seconds[:max_runs]

    def close(self) -> None:
        self._note("close")

    def _note(self, what: str) -> None:
        self.log.append(f"{self.name} {what}")
        if self.fails_in == what:
            raise DgtlError(f"{what} went wrong")


def test_rounds_are_interleaved() -> None:
    log: list[str] = []
    compare_latency(
        [ScriptedContender("a", log), ScriptedContender("b", log)], rounds=2, settle_s=0.0
    )
    turns = ["a time", "b time"]
    assert log == ["a start", "b start", *turns, *turns, "b close", "a close"]


def test_median_and_percentiles_are_over_all_rounds() -> None:
    seconds = [float(s) for s in range(11)]
    contender = ScriptedContender("a", [], seconds)
    result = compare_latency([contender], rounds=3, max_time_s=1000.0, settle_s=0.0)
    assert result == {"a": Latency(median_s=5.0, low_s=1.0, high_s=9.0, runs=33)}


def test_runs_are_limited() -> None:
    contender = ScriptedContender("a", [], [1.0] * 50)
    assert compare_latency([contender], rounds=2, max_runs=7, settle_s=0.0)["a"].runs == 14


def test_a_slow_one_has_fewer_turns() -> None:
    contenders = [ScriptedContender("slow", [], [4.0]), ScriptedContender("fast", [], [1.0])]
    result = compare_latency(contenders, rounds=5, max_time_s=6.0, settle_s=0.0)
    assert (result["slow"].runs, result["fast"].runs) == (2, 5)


@pytest.mark.parametrize("fails_in", ["start", "time"])
def test_one_that_fails_is_reported_and_the_others_go_on(fails_in: str) -> None:
    log: list[str] = []
    bad, good = ScriptedContender("bad", log, fails_in=fails_in), ScriptedContender("good", log)
    result = compare_latency([bad, good], rounds=3, settle_s=0.0)
    assert result["bad"] == Latency(runs=0, error=f"{fails_in} went wrong")
    assert result["good"].runs == 3
    assert log.count("bad time") == (0 if fails_in == "start" else 1)
    assert "bad close" in log


def test_all_are_closed_when_it_is_interrupted() -> None:
    class Interrupted(ScriptedContender):
        def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
            raise KeyboardInterrupt

    log: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        compare_latency([ScriptedContender("a", log), Interrupted("b", log)], settle_s=0.0)
    assert log[-2:] == ["b close", "a close"]


def test_names_must_differ() -> None:
    with pytest.raises(InputError, match="distinct names, got a, a"):
        compare_latency([ScriptedContender("a", []), ScriptedContender("a", [])])


def test_there_must_be_a_round() -> None:
    with pytest.raises(InputError, match="rounds is 0"):
        compare_latency([ScriptedContender("a", [])], rounds=0)
