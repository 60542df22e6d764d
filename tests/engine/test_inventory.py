"""The devices of a cluster, on real Ray."""

import os

import pytest

from dgtl_ray.engine.board import publish, take_down
from dgtl_ray.engine.health import DeviceState
from dgtl_ray.engine.inventory import list_devices
from dgtl_ray.engine.places import find_places
from dgtl_ray.testing.fakes import FAKE_DEVICE
from tests.engine.fakes import device_report

pytestmark = pytest.mark.usefixtures("ray_cluster")


def test_an_idle_device_says_what_it_is() -> None:
    (row,) = list_devices("auto")
    assert row["device"] == find_places("cpu")[0].name
    assert (row["kind"], row["state"], row["run"]) == ("cpu", "idle", "")
    assert row["cores"] == len(os.sched_getaffinity(0))


def test_a_device_in_use_tells_of_its_run_and_its_failures() -> None:
    place = find_places("cpu")[0]
    report = device_report(
        name=place.name,
        node_id=place.node_id,
        state=DeviceState.QUARANTINED,
        is_erratic=True,
        trials=7,
        busy_s=3.0,
        up_s=12.0,
        faults={"hung": 2},
        error="no answer",
    )
    namesake = device_report(name=place.name, node_id="another", trials=8)
    publish("r1", [report, namesake])
    try:
        row, other = list_devices("auto")
    finally:
        take_down("r1")
    assert (row["kind"], row["what"], row["cores"]) == ("cpu", "fake", 2)
    assert row["descriptor"] == FAKE_DEVICE.as_dict()
    assert row["state"] == "quarantined, erratic"
    assert (row["run"], row["trials"], row["busy (%)"]) == ("r1", 7, 25.0)
    assert (row["failures"], row["error"]) == ("hung 2×", "no answer")
    assert (other["state"], other["trials"], other["failures"]) == ("ready", 8, "died 1×")


def test_a_nodes_gpu_is_not_its_cpu() -> None:
    place = find_places("cpu")[0]
    report = device_report(name=place.name, node_id=place.node_id, kind="cuda", descriptor=None)
    publish("r1", [report])
    try:
        gpu, cpu = list_devices("auto")
    finally:
        take_down("r1")
    assert gpu["device"] == cpu["device"] == place.name
    assert (gpu["kind"], gpu["run"]) == ("cuda", "r1")
    assert (cpu["kind"], cpu["state"]) == ("cpu", "idle")
