"""The best few of each layer are compared in the whole network; it is faked here."""

from dataclasses import dataclass

import pytest

from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.core.network_run import NetworkInput, NetworkResult, Skeleton
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.engine.run import search
from dgtl_ray.engine.winners import ConfirmConfig, comparable, finalists
from dgtl_ray.testing.fakes import FakeTimer, cost_of
from dgtl_ray.testing.measurements import example_measurement
from tests.engine.conftest import MakeRequest, Sink

CONFIG = ConfirmConfig(finalists=3, within=1e9)


def skeleton() -> Skeleton:
    return Skeleton(library=b"", inputs=(), sites=())


def reversed_cost_of(schedule: str) -> float:
    """In the network what seems slow alone is fast."""
    return 1e-6 / cost_of(schedule)


def reversing_timer() -> FakeTimer:
    return FakeTimer(network_cost_of=reversed_cost_of)


class FailingNetwork(FakeTimer):
    """No network runs here."""

    def time_network(self, item: NetworkInput) -> NetworkResult:
        return NetworkResult(status=Status.RUN_ERROR, error="no", repeats_s=(), timing_s=0.1)


@dataclass
class Notes(SilentMonitor):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def in_network(rows: tuple[Measurement, ...]) -> dict[str, float]:
    """Latency in the network by configuration."""
    return {
        row.config: row.cost_s
        for row in rows
        if row.timed_in is TimedIn.NETWORK and row.cost_s is not None
    }


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.long
def test_what_is_faster_in_the_network_wins(make_request: MakeRequest) -> None:
    request = make_request(timer=reversing_timer, skeleton=skeleton, confirm=CONFIG)
    outcome = search(request, SilentMonitor())
    for rows, winner, task in zip(outcome.rows, outcome.winners, request.tasks, strict=True):
        timed = in_network(rows)
        assert len(timed) == min(3, len({row.config for row in rows}))
        assert winner == min(timed, key=lambda config: timed[config])
        alone = {row.config: row.cost_s for row in rows if row.stage is not Stage.CONFIRM}
        assert len(timed) == 1 or winner != min(timed, key=lambda config: alone[config] or 0.0)
        told = {row.passed_bytes for row in rows if row.timed_in is TimedIn.NETWORK}
        assert told == {task.surroundings.other_bytes}


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.long
def test_where_no_network_runs_layers_are_compared_alone(make_request: MakeRequest) -> None:
    sink, notes = Sink(), Notes()
    request = make_request(timer=FailingNetwork, skeleton=skeleton, sink=sink, confirm=CONFIG)
    search(request, notes)
    confirmed = [row for row in sink.rows if row.stage is Stage.CONFIRM]
    assert confirmed
    assert {row.timed_in for row in confirmed} == {TimedIn.ALONE}
    assert "layers are compared alone, the network could not be run: no" in notes.told


def row(trial: int, config: str, cost_ms: float, **changes: object) -> Measurement:
    return example_measurement(trial, **{"config": config, "cost_s": cost_ms * 1e-3} | changes)


def test_rows_of_another_protocol_are_not_ranked_among_the_others() -> None:
    warm = [row(k, f"warm{k}", 1.0 + k / 10) for k in range(3)]
    cold = [row(10 + k, f"cold{k}", 2.0 + k / 10, passed_bytes=100) for k in range(3)]
    found = finalists([*warm, *cold], ConfirmConfig(finalists=2, within=1.5))
    assert found == ["cold0", "cold1", "warm0"]


def test_what_ever_gave_a_wrong_result_is_no_finalist() -> None:
    wrong = row(2, "a", 1.0, status=Status.WRONG_RESULT, cost_s=None)
    assert finalists([row(0, "a", 1.0), row(1, "b", 2.0), wrong], CONFIG) == ["b"]


def test_times_in_other_networks_do_not_count_beside_those_in_this_one() -> None:
    place = {"timed_in": TimedIn.NETWORK, "stage": Stage.CONFIRM}
    there = row(0, "a", 1.0, run_id="other", **place)
    here = row(1, "b", 2.0, **place)
    alone = row(2, "a", 1.5)
    assert comparable([there, here, alone], "run") == [here, alone]
    assert comparable([there, alone], "run") == [there, alone]
