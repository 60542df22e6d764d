"""A run that is finished where the device is gives the same as one finished here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgtl_ray.configs import RunConfig
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError, InputError
from dgtl_ray.deploy import ModuleMetadata, load
from dgtl_ray.engine.places import find_places
from dgtl_ray.engine.remote import at_place
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure import describe_device, toolchain
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.run import finishing
from dgtl_ray.run.finishing import Plan, finish_from_plan
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.venue import Venue
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state
from dgtl_ray.tuner import Tuner
from tests.networks import tiny

NETWORK = "tests.networks:tiny"


@pytest.fixture(scope="module")
def plan() -> Plan:
    target = parse_target("cpu")
    network = load_network(NETWORK, target)
    device: DeviceDescriptor = describe_device(target.json)
    metadata = ModuleMetadata(
        network=network.name,
        network_hash=network.network_hash,
        target=target.json,
        device_key=device.key,
        device=device.as_dict(),
        toolchain=toolchain(),
        input_names=network.input_names,
        inputs=network.inputs,
        history=(),
    )
    return Plan(
        spec=NETWORK,
        example_inputs=None,
        target=target,
        schedules={task.workload_key: "" for task in network.tasks},
        metadata=metadata,
        compare=False,
    )


@pytest.mark.long
def test_the_device_needs_nothing_but_the_plan(
    ray_cluster: None, plan: Plan, tmp_path: Path
) -> None:
    finished, files = at_place(find_places("cpu")[0], 120, finish_from_plan, plan)
    assert finished.verification.ok
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    network, inputs = tiny()
    module = load(tmp_path)
    expected = network(*inputs).detach().numpy()
    np.testing.assert_allclose(module(inputs[0].numpy()), expected, rtol=1e-3, atol=1e-4)


def test_the_device_takes_the_same_way_in(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[int] = []

    def load(*_args: object, way: int, **_kwargs: object) -> None:
        ways.append(way)
        raise InputError("asked")

    monkeypatch.setattr(finishing, "load_network", load)
    for way in (0, 1):
        with pytest.raises(InputError, match="asked"):
            finish_from_plan(replace(plan, way=way))
    assert ways == [0, 1]


def test_this_machine_needs_no_cluster(plan: Plan, tmp_path: Path) -> None:
    venue = Venue("local", print)
    with venue.open():
        venue.check([str(tmp_path / "run")])
        assert venue.target("cpu") == plan.target
        assert venue.describe(plan.target).kind == "cpu"
        assert venue.device_key == ""
        with pytest.raises(DeviceError, match="wanted is A100"):
            venue.target("cpu", "A100")
    network = load_network(NETWORK, plan.target)
    assert venue.finish(plan, network, tmp_path / "module").verification.ok
    assert [path.name for path in tmp_path.iterdir()] == ["module"]


def test_a_run_is_not_resumed_on_another_kind_of_device(tmp_path: Path) -> None:
    state = example_state(
        run_id="begun",
        network=NETWORK,
        target=parse_target("cpu").json,
        history=str(tmp_path / "history"),
    )
    RunFolder(tmp_path / "run").write(state)
    ParquetHistory(state.history).append(
        [example_measurement(run_id="begun", device_key="cpu/X/9")]
    )
    tuner = Tuner(
        NETWORK,
        run_config=RunConfig(name="run", storage_path=tmp_path),
        resume=True,
    )
    with pytest.raises(DeviceError, match=r"the device here is cpu/.*, wanted is cpu/X/9"):
        tuner.fit()
