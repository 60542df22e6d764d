"""The time of a search is noted now and then, and at its end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import StorageError
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.noted_time import NotedTime
from dgtl_ray.run.record import RunRecord
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state

SPENT = SearchTime(total=0.0, proposing=0.0, building=0.0, timing=0.0, idle=0.0)


class Clock:
    """Goes on when it is told to."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Noting:
    """A run whose time is noted, by a clock of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        state = example_state(history=self.folder.history)
        self.folder.begin(state, resume=False)
        self.record = RunRecord(self.folder, state)
        self.clock = Clock()
        self.noted = NotedTime(self.folder, state, self.record, self.clock)

    def go_on(self, rounds: int, every_s: float) -> None:
        """Let rounds end, the first one at once."""
        for _ in range(rounds):
            self.noted.hear(replace(SPENT, total=self.clock.now_s))
            self.clock.now_s += every_s

    @property
    def totals(self) -> list[float]:
        """What was noted."""
        return [total for _, total in RunFolder(self.folder.uri).rounds()]


@pytest.fixture
def noting(tmp_path: Path) -> Noting:
    return Noting(tmp_path)


def test_a_hundred_rounds_of_a_second_are_written_twice(noting: Noting) -> None:
    noting.go_on(99, every_s=0.01)
    assert noting.totals == [100.0]
    noting.record.append([example_measurement(run_id="r1")])
    noting.go_on(1, every_s=0.01)
    noting.noted.close()
    assert noting.totals == pytest.approx([100.0 + k / 100 for k in range(100)])
    state = noting.folder.read()
    assert state.spent is not None
    assert state.spent.total == pytest.approx(100.99)
    assert state.recorded == 1


def test_rounds_that_are_far_apart_are_all_noted(noting: Noting) -> None:
    noting.go_on(3, every_s=6.0)
    assert noting.totals == [100.0, 106.0, 112.0]
    noting.noted.close()
    assert noting.totals == [100.0, 106.0, 112.0]


def test_nothing_is_noted_of_a_search_without_a_round(noting: Noting) -> None:
    noting.noted.close()
    assert noting.totals == []


def test_storage_that_fails_is_left_alone_ever_longer(
    noting: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def fail(*_: Any) -> None:
        tried.append(noting.clock.now_s)
        raise StorageError("it is away")

    with monkeypatch.context() as broken:
        broken.setattr(RunFolder, "save_time", fail)
        noting.go_on(200, every_s=1.0)
    assert tried == [100.0, 110.0, 130.0, 170.0, 230.0, 290.0]
    noting.noted.close()
    assert noting.totals == [100.0 + k for k in range(200)]
