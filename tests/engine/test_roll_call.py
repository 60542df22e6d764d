"""Which device a run is for, on a cluster where they differ."""

from dataclasses import replace

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


def place(index: int) -> Place:
    return Place(node_id="node", address="here", index=index, shared=False, resources={"timing": 1})


def presence(index: int, what: DeviceDescriptor | None) -> Presence:
    error = "" if what else "no answer"
    return Presence(kind="cpu", place=place(index), descriptor=what, error=error)


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
