"""Asking and telling without an engine: every proposer, failures, restoring, history."""

import json
from pathlib import Path
from typing import Any

import pytest

import dgtl_ray
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.history import ParquetHistory
from dgtl_ray.search import learns_from_sources, proposer_names
from dgtl_ray.testing.measurements import example_measurement
from tests.functions import PARAMETERS, RESTRICTIONS, latency_s


def search(name: str = "random", **changes: Any) -> dgtl_ray.AskTell:
    settings: dict[str, Any] = {"space": PARAMETERS, "restrictions": RESTRICTIONS, **changes}
    asking: dgtl_ray.AskTell = dgtl_ray.ask_tell(settings.pop("space"), search=name, **settings)
    return asking


def drive(asking: dgtl_ray.AskTell, trials: int) -> list[dict[str, Any]]:
    """Ask and tell one by one; every fifth fails."""
    seen = []
    for k in range(trials):
        (trial,) = asking.ask()
        seen.append(trial.config)
        asking.tell(trial.trial_id, None if k % 5 == 4 else latency_s(trial.config))
    return seen


@pytest.mark.parametrize("name", proposer_names())
def test_every_proposer_is_behind_it(name: str) -> None:
    asking = search(name)
    seen = drive(asking, 10)
    assert len({json.dumps(config) for config in seen}) == 10
    assert asking.best is not None
    config, value = asking.best
    assert value == latency_s(config)
    assert value == min(latency_s(c) for k, c in enumerate(seen) if k % 5 != 4)


@pytest.mark.parametrize("name", ["random", "evolutionary"])
def test_a_state_that_went_through_json_goes_on_alike(name: str) -> None:
    first = search(name)
    drive(first, 6)
    pending = first.ask(2)
    state = json.loads(json.dumps(first.state()))
    second = search(name)
    second.restore(state)
    assert second.state() == first.state()
    second.tell(pending[0].trial_id, 1.0)
    first.tell(pending[0].trial_id, 1.0)
    assert [t.config for t in second.ask(3)] == [t.config for t in first.ask(3)]


def test_a_small_space_is_exhausted() -> None:
    assert len(search().ask(100)) == 44


def test_what_nobody_asked_for_may_be_told() -> None:
    asking = search()
    told = {"x": 8, "y": 2, "mode": "b"}
    asking.tell(told, 1e-3)
    assert asking.best == (told, 1e-3)
    assert told not in [trial.config for trial in asking.ask(100)]


def test_much_may_be_good() -> None:
    asking = search(metric="score", mode="max")
    for value, trial in zip((-3.0, 7.0, 2.0), asking.ask(3), strict=True):
        asking.tell(trial.trial_id, value)
    assert asking.best is not None
    assert asking.best[1] == 7.0


@pytest.mark.parametrize(
    ("trial", "value", "told"),
    [
        ("7", 1.0, "no trial '7' is awaited"),
        ({"x": 3, "y": 1, "mode": "a"}, 1.0, "none of this space"),
        ({"x": 32, "y": 4, "mode": "a"}, 1.0, "not allowed"),
        ("0", -1.0, "a time is positive"),
    ],
)
def test_what_cannot_be_told_is_refused(trial: Any, value: float, told: str) -> None:
    asking = search()
    asking.ask()
    with pytest.raises(InputError, match=told):
        asking.tell(trial, value)


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(InputError, match=r"seed is .*: give a whole number from 0 to 92"):
        search(seed=seed)


def test_a_number_that_has_no_cost_is_refused() -> None:
    asking = search(metric="score")
    (trial,) = asking.ask()
    with pytest.raises(InputError, match=r"score is 1.7e\+308: a number so large"):
        asking.tell(trial.trial_id, 1.7e308)


def test_a_state_of_other_parameters_is_refused() -> None:
    state = search().state()
    with pytest.raises(InputError, match="other parameters"):
        search(space={"x": [1, 2]}, restrictions=()).restore(state)
    with pytest.raises(InputError, match="damaged"):
        search().restore({**state, "told": 3})


class Notes(SilentMonitor):
    """What was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.parametrize("name", [name for name in proposer_names() if learns_from_sources(name)])
def test_a_history_that_tells_nothing_is_told_of(name: str, tmp_path: Path) -> None:
    function: dict[str, Any] = {"target": FUNCTION_TARGET, "config": '{"other": 1}'}
    store = ParquetHistory(str(tmp_path))
    store.append([example_measurement(0), example_measurement(1, **function)])
    notes = Notes()
    search(name, history=[store.uri], monitor=notes)
    assert notes.told == [
        "history tells nothing of other functions or devices; 2 rows: 1 of networks,"
        " 1 with too few of its parameters"
    ]
