"""The best few of each layer are compared in the whole network; it is faked here."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.core.network_run import NetworkInput, NetworkResult, Skeleton
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.engine.clock import SearchClock
from dgtl_ray.engine.crew import RayCrew
from dgtl_ray.engine.run import _Search, search
from dgtl_ray.engine.winners import ConfirmConfig, comparable, finalists
from dgtl_ray.model import Network
from dgtl_ray.search.ledger import Ledger
from dgtl_ray.space import DesignSpace
from dgtl_ray.testing.fakes import FAKE_DEVICE, FakeTimer, cost_of
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


class Incomparable(Measurement):
    """A row of a history that is long: nobody looks for it among all others."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("rows are compared with one another")

    __hash__ = Measurement.__hash__


def test_rows_are_told_apart_without_comparing_them() -> None:
    there = row(0, "a", 1.0, run_id="other", timed_in=TimedIn.NETWORK)
    here = row(1, "b", 2.0, timed_in=TimedIn.NETWORK)
    rows = [Incomparable(**vars(one)) for one in (there, here, row(2, "a", 1.5))]
    assert [one.trial for one in comparable(rows, "run")] == [1, 2]


class IdleCrew:
    """A device that nobody asks to time."""

    alternates = True

    def describe_device(self) -> DeviceDescriptor:
        return FAKE_DEVICE


def test_a_run_begins_with_what_was_timed_alone_and_never_was_wrong(
    make_request: MakeRequest, network: Network, spaces: list[DesignSpace]
) -> None:
    space = max(spaces, key=lambda one: one.size)
    pool = space.sample(3, np.random.default_rng(0))
    a, b, c = (space.config_of(of) for of in pool)
    found = {"workload_key": network.tasks[0].workload_key, "space_key": space.key}
    rows = [
        row(0, a, 1.0, **found),
        row(1, a, 5.0, **found, stage=Stage.CONFIRM, timed_in=TimedIn.NETWORK),
        row(2, b, 1.1, **found),
        row(3, c, 0.1, **found),
        row(4, c, 0.1, **found, stage=Stage.CONFIRM, status=Status.WRONG_RESULT, cost_s=None),
    ]
    request = make_request(
        tasks=network.tasks[:2], spaces=[space, space], history=lambda _device: rows
    )
    crew = cast("RayCrew", IdleCrew())
    begun = _Search(request, crew, SearchClock(), SilentMonitor())
    assert begun._kin.tips(1) == [a, b]
    assert begun._record(0).best_s == 1e-3
    assert begun._record(0).trials == 3
    ledger = Ledger()
    for one in begun._known(0):
        known = space.row_of(one.config)[None]
        ledger.record(known, np.array([one.cost_s]), [one.status], np.array([one.spent_s]))
    ranked, costs_s = ledger.ranked()
    assert [space.config_of(of) for of in ranked] == [a, b]
    assert costs_s == pytest.approx([1e-3, 1.1e-3])
