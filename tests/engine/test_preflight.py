"""What is checked before anything is spent, on real Ray."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from dgtl_ray.core.errors import DeviceError, InputError
from dgtl_ray.engine import roll_call
from dgtl_ray.engine.places import driver_node, find_places
from dgtl_ray.engine.preflight import NodeFindings, _problems, check_nodes, examine
from dgtl_ray.engine.remote import at_place
from dgtl_ray.measure import describe_device
from dgtl_ray.model import default_cuda_json, parse_target
from tests.s3 import Bucket

pytestmark = pytest.mark.usefixtures("ray_cluster")


def refuse() -> None:
    raise InputError("not here")


def hang() -> None:
    import time

    time.sleep(60)


def end_the_process(*_args: str) -> None:
    os._exit(1)


def where() -> str:
    return driver_node()


def test_a_fit_cluster_passes_and_nothing_is_left(bucket: Bucket, tmp_path: Path) -> None:
    check_nodes([str(tmp_path / "run"), bucket.uri("preflight/history")])
    assert list(tmp_path.iterdir()) == []


def test_storage_that_a_worker_cannot_write_is_named_with_its_node(bucket: Bucket) -> None:
    uri = bucket.uri("history").replace("s3://bucket/", "s3://missing/")
    with pytest.raises(InputError, match=r"this node: cannot use s3://missing/history") as caught:
        check_nodes([uri])
    address = ray.nodes()[0]["NodeManagerAddress"]
    assert f"node {address}: cannot use s3://missing/history" in str(caught.value)


def test_a_folder_of_this_machine_is_not_asked_of_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        check_nodes([str(tmp_path / "file" / "run")])
    assert "this node: cannot use" in str(caught.value)
    assert "\n  node" not in str(caught.value)


def test_another_version_of_tvm_is_named() -> None:
    own = examine([]).versions
    other = NodeFindings(versions={**own, "apache-tvm": "0.1"}, refusals=())
    (problem,) = _problems(ray.put(other), own)
    assert problem.startswith("has apache-tvm 0.1, this node 0.")
    assert _problems(ray.put(examine([])), own) == []


def test_work_is_done_where_the_device_is() -> None:
    assert at_place(find_places("cpu")[0], 60, where) == driver_node()


def test_errors_of_a_device_name_its_node() -> None:
    with pytest.raises(InputError, match=r"on node .*: not here"):
        at_place(find_places("cpu")[0], 60, refuse)


def test_a_device_that_does_not_answer_is_given_up() -> None:
    with pytest.raises(InputError, match="no answer from the device"):
        at_place(find_places("cpu")[0], 3, hang)


def test_a_device_whose_process_ends_is_told() -> None:
    place = find_places("cpu")[0]
    with pytest.raises(DeviceError, match=f"the device {place.name} was lost at work: .*died"):
        at_place(place, 60, end_the_process)


def test_a_device_whose_process_ends_does_not_answer_the_roll_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roll_call, "describe_kind", end_the_process)
    here = find_places("cpu")[0]
    # Asked in a process of its own, as it has to be reserved.
    place = replace(here, resources={f"node:{here.address}": 0.01})
    (presence,) = roll_call.roll_call([place])
    assert presence.descriptor is None
    assert "was lost at work" in presence.error


def test_a_target_for_another_device_is_refused() -> None:
    with pytest.raises(DeviceError, match="cuda"):
        at_place(
            find_places("cuda")[0], 120, describe_device, parse_target(default_cuda_json()).json
        )
