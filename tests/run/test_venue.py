"""A run that is finished where the device is gives the same as one finished here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray.configs import RunConfig
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeployError, DeviceError, DgtlError, InputError
from dgtl_ray.deploy import ModuleMetadata, TunedModule, Verification, load, verify
from dgtl_ray.deploy.layout import FILES
from dgtl_ray.engine.places import Place, find_places
from dgtl_ray.engine.remote import at_place
from dgtl_ray.engine.roll_call import Presence
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure import describe_device, toolchain
from dgtl_ray.model import Network, default_cuda_json, load_network, parse_target
from dgtl_ray.run import finishing
from dgtl_ray.run import venue as venue_module
from dgtl_ray.run.comparison import NO_COMPARISON
from dgtl_ray.run.finishing import Plan, finish_from_plan
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.venue import Venue
from dgtl_ray.testing.fakes import FAKE_DEVICE
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state
from dgtl_ray.tuner import Tuner
from tests.networks import tiny

NETWORK = "tests.networks:tiny"
# A node that has the device loads the network itself.
NEEDLESS: Any = None


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


def wrong(module: TunedModule, network: Network) -> Verification:
    """What comes of a module whose answers are twice the right ones."""

    def twice(*inputs: Any) -> Any:
        return np.float32(2) * np.asarray(module(*inputs))

    return verify(twice, network)


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


def test_here_a_run_is_for_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    first = replace(FAKE_DEVICE, kind="cuda", name="NVIDIA A100")
    monkeypatch.setattr(venue_module, "describe_device", lambda _target: first)
    venue = Venue("local", print)
    gpu, cpu = default_cuda_json("sm_80"), parse_target("cpu").json
    monkeypatch.setattr(
        venue_module, "parse_target", lambda name: parse_target(gpu if name == "cuda" else name)
    )
    for name in ("cuda", gpu):
        venue.target(name)
        assert (venue.device_key, venue.processor) == (first.key, "")
    with pytest.raises(DeviceError, match=r"cuda/NVIDIA A100/2, wanted is H100"):
        venue.target("cuda", "H100")
    venue.target(cpu)
    assert venue.device_key == ""


def test_what_only_describes_a_module_may_fail(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise DgtlError("it was killed")

    monkeypatch.setattr(finishing, "compare_network", fail)
    monkeypatch.setattr(finishing, "look_inside", fail)
    network = load_network(NETWORK, plan.target)
    finished = finishing.finish(replace(plan, compare=True), network, tmp_path / "module")
    assert finished.verification.ok
    assert (finished.comparison, finished.inside) == (NO_COMPARISON, None)
    assert finished.fault_notes() == [
        "nothing was timed in turn: it was killed",
        "where the network's time goes is not known: it was killed",
    ]


def test_a_verified_module_stays_until_another_one_is(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    network = load_network(NETWORK, plan.target)
    kept = replace(plan, metadata=replace(plan.metadata, history=("kept",)))
    finishing.finish(kept, network, folder.unverified)
    assert folder.publish(verified=True) == str(folder.module)

    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finishing, "verify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finishing.finish(plan, network, folder.unverified)
    with pytest.raises(DeployError, match=r"was not verified yet: resume the run"):
        load(folder.unverified)
    assert load(folder.module).metadata.history == ("kept",)

    monkeypatch.setattr(finishing, "verify", wrong)
    assert not finishing.finish(plan, network, folder.unverified).verification.ok
    assert folder.publish(verified=False) == ""
    assert load(folder.module).metadata.history == ("kept",)
    with pytest.raises(DeployError, match="failed verification"):
        load(tmp_path / "run" / "rejected")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["module", "rejected"]


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


class Elsewhere:
    """A cluster whose only device is on another node; what is done there is done here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: Any = None
        monkeypatch.setattr(venue_module, "choose_device", self.choose)
        monkeypatch.setattr(venue_module, "at_place", self.at_place)
        self.venue = Venue("head:6379", print)

    def choose(
        self, kind: str, wanted: str, _note: object, processor: str, *, preferred: str = ""
    ) -> Presence:
        self.asked.append((kind, wanted, processor, preferred))
        place = Place(
            kind=kind,
            node_id="node",
            address="there",
            index=0,
            shared=False,
            resources={"timing": 1},
        )
        return Presence(place=place, descriptor=FAKE_DEVICE, processor="znver5")

    def at_place(self, _place: Place, _s: float, function: Callable[[Any], Any], what: Any) -> Any:
        return function(what) if self.answer is None else self.answer


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    return Elsewhere(monkeypatch)


def test_a_run_ends_on_the_processor_that_it_searched_on(
    elsewhere: Elsewhere, plan: Plan, tmp_path: Path
) -> None:
    venue = elsewhere.venue
    venue.target("cpu", processor="znver5")
    assert (venue.device_key, venue.processor) == (FAKE_DEVICE.key, "znver5")
    elsewhere.answer = (None, {})
    venue.finish(plan, NEEDLESS, tmp_path / "module")
    assert elsewhere.asked == [
        ("cpu", "", "znver5", ""),
        ("cpu", FAKE_DEVICE.key, "znver5", ""),
    ]


def test_a_target_that_is_written_down_prefers_its_own_processor(elsewhere: Elsewhere) -> None:
    elsewhere.venue.target('{"kind": "llvm", "mcpu": "core2"}')
    assert elsewhere.asked == [("cpu", "", "", "core2")]


def test_a_module_that_comes_back_is_there_whole_or_not_at_all(
    elsewhere: Elsewhere, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "module"
    elsewhere.venue.target("cpu")
    for version in (b"old", b"new"):
        elsewhere.answer = (None, dict.fromkeys(FILES, version))
        elsewhere.venue.finish(plan, NEEDLESS, folder)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == elsewhere.answer[1]

    def full(file: Path, _data: bytes) -> None:
        raise OSError(28, f"No space left on device: {file.name}")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot save the module to .*No space left"):
        elsewhere.venue.finish(plan, NEEDLESS, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["module"]
    assert {file.read_bytes() for file in folder.iterdir()} == {b"new"}


def test_a_factory_that_the_devices_node_lacks_is_told_before_anything_is_spent(
    elsewhere: Elsewhere,
) -> None:
    venue = elsewhere.venue
    venue.target("cpu")
    for spec in (NETWORK, "resnet18", object()):
        venue.require_network(spec)
    told = r"no_such_module failed: .*--working-dir DIR.* PYTHONPATH"
    with pytest.raises(InputError, match=told):
        venue.require_network("no_such_module:net")


def test_a_full_disk_where_the_device_is_is_told(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, _data: bytes) -> None:
        raise OSError(28, f"No space left on device: {file.name}")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot write the network's files to .*No space left"):
        finish_from_plan(replace(plan, files={"net.onnx": b"network"}))
