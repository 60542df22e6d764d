"""Which device a run is for, on a cluster where they differ."""

from dataclasses import replace
from typing import Any

import pytest

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.engine import roll_call
from dgtl_ray.engine.health import DeviceState
from dgtl_ray.engine.places import Place
from dgtl_ray.engine.roll_call import Presence, choose_device
from dgtl_ray.testing.fakes import FAKE_DEVICE
from tests.engine.fakes import device_report

BIG = replace(FAKE_DEVICE, name="Big 9")
SMALL = replace(FAKE_DEVICE, name="Small 2")
Device = tuple[DeviceDescriptor, str]


def place(index: int, kind: str = "cpu") -> Place:
    return Place(
        kind=kind,
        node_id="node",
        address="here",
        index=index,
        shared=False,
        resources={"timing": 1},
    )


def presence(index: int, what: DeviceDescriptor | None, processor: str = "") -> Presence:
    error = "" if what else "no answer"
    return Presence(place=place(index), descriptor=what, processor=processor, error=error)


@pytest.fixture(autouse=True)
def _cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four devices, of which the third does not answer."""
    there = [presence(k, what) for k, what in enumerate((BIG, SMALL, None, SMALL))]
    monkeypatch.setattr(roll_call, "_present", lambda _kind: there)


@pytest.mark.parametrize(
    ("wanted", "index"), [("", 1), ("Big", 0), (BIG.key, 0), ("Small", 1), (SMALL.key, 1)]
)
def test_the_kind_that_is_wanted_is_chosen_else_that_of_most(wanted: str, index: int) -> None:
    notes: list[str] = []
    assert choose_device("cpu", wanted, notes.append).place == place(index)
    assert notes == ["device here#2 does not answer: no answer"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("wanted", "processor", "preferred", "chosen"),
    [
        ("", "", "", (SMALL, "znver5")),
        ("", "znver4", "", (BIG, "znver4")),
        ("Big", "", "", (BIG, "znver4")),
        ("Big", "znver5", "", (BIG, "znver5")),
        ("", "", "znver4", (BIG, "znver4")),
        ("", "", "znver3", (SMALL, "znver5")),
    ],
)
def test_generations_that_share_a_name_are_two_kinds(
    wanted: str,
    processor: str,
    preferred: str,
    chosen: Device,
    reverse: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In whatever order Ray tells the nodes."""
    devices = [*[(SMALL, "znver5")] * 3, *[(BIG, "znver4")] * 2, (SMALL, "znver4"), (BIG, "znver5")]
    there = [presence(k, *device) for k, device in enumerate(devices)]
    monkeypatch.setattr(roll_call, "_present", lambda _kind: there[::-1] if reverse else there)
    found = choose_device("cpu", wanted, print, processor, preferred=preferred)
    assert (found.descriptor, found.processor) == chosen


def test_a_whole_name_is_meant_before_a_part_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["RTX 2080 Ti", "RTX 2080 Ti", "RTX 2080"]
    there = [presence(k, replace(FAKE_DEVICE, name=name)) for k, name in enumerate(names)]
    monkeypatch.setattr(roll_call, "_present", lambda _kind: there)
    for wanted in ("RTX 2080", "cpu/RTX 2080/2"):
        assert choose_device("cpu", wanted, print).place == place(2)


def test_a_processor_that_no_device_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "_present", lambda _kind: [presence(0, BIG, "znver4")])
    told = r"no cpu device of the processor 'znver5' answers .*: cpu/Big 9/2 \(znver4\)"
    with pytest.raises(DeviceError, match=told):
        choose_device("cpu", "", print, "znver5")


@pytest.mark.parametrize(("joins", "asked"), [(True, 3), (False, 2)])
def test_a_gpu_is_waited_for(joins: bool, asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It joins at the third look, or never."""
    looks: list[str] = []
    notes: list[str] = []

    def find(kind: str) -> list[Place]:
        looks.append(kind)
        return [replace(place(0), resources={"GPU": 1} if joins and len(looks) > 2 else {})]

    monkeypatch.setattr(roll_call, "find_places", find)
    monkeypatch.setattr(roll_call, "_LOOK_EVERY_S", 0.01)
    choose_device("cuda", "", notes.append, join_s=5.0 if joins else 0.0)
    assert len(looks) == asked
    assert "waiting for one" in notes[0]


@pytest.mark.parametrize("wanted", ["Huge", "cpu/Big 9/24"])
def test_what_is_not_there_is_told_with_what_is(wanted: str) -> None:
    with pytest.raises(DeviceError, match=r"there are: cpu/Big 9/2, cpu/Small 2/2"):
        choose_device("cpu", wanted, print)


@pytest.mark.parametrize("first", [DeviceState.READY, DeviceState.REFUSED])
def test_of_two_runs_the_one_that_uses_a_device_tells_of_it(
    first: DeviceState, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [first, DeviceState.REFUSED if first is DeviceState.READY else DeviceState.READY]
    told = {f"run {state}": [device_report(state=state).as_dict()] for state in states}
    monkeypatch.setattr(roll_call, "published", lambda: told)
    ((run, _),) = roll_call.reports_of_runs().values()
    assert run == "run ready"


ASKED = (FAKE_DEVICE, "znver4")


@pytest.mark.parametrize(
    ("changes", "is_asked"),
    [
        ({}, False),
        ({"state": DeviceState.QUARANTINED}, False),
        ({"state": DeviceState.REFUSED}, True),
        ({"state": DeviceState.LOST}, True),
        ({"descriptor": None}, True),
        ({"processor": ""}, True),
        ({"kind": "cuda"}, True),
        ({"node_id": "another"}, True),
    ],
)
def test_what_a_run_tells_of_a_device_is_enough_where_nobody_else_can_ask(
    changes: dict[str, Any], is_asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    reports = [device_report(**changes).as_dict()]
    monkeypatch.setattr(roll_call, "published", lambda: {"run": reports})
    monkeypatch.setattr(roll_call, "find_places", lambda _kind: [place(0)])
    monkeypatch.setattr(roll_call, "at_place", lambda *_: ASKED)
    (found,) = roll_call._present("cpu")
    assert found == presence(0, FAKE_DEVICE, "znver4" if is_asked else "znver5")
