"""What a run refuses before anything is loaded, and who times."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dgtl_ray.configs import RunConfig
from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure import LocalTimer
from dgtl_ray.measure.own_cpu import OwnCpuTimer
from dgtl_ray.model import TargetSpec
from dgtl_ray.run.experiment import _timer
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.venue import Venue
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement
from dgtl_ray.testing.runs import example_state
from dgtl_ray.tuner import Tuner

CPU, GPU = TargetSpec(kind="cpu", json="{}"), TargetSpec(kind="cuda", json="{}")


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder of a run that has measured on a device, and records elsewhere."""
    history = str(tmp_path / "shared")
    RunFolder(tmp_path / "run").write(example_state(run_id="begun", history=history))
    ParquetHistory(history).append([example_measurement(run_id="begun")])
    return tmp_path / "run"


def resumed(run: Path, **settings: str) -> Tuner:
    """Its network cannot be loaded: it is not asked for."""
    config = RunConfig(name=run.name, storage_path=run.parent, **settings)  # type: ignore[arg-type]
    return Tuner("tests.networks:nowhere", run_config=config, resume=True)


@pytest.mark.parametrize("device", ["H100", "exam"])
def test_a_run_is_not_resumed_on_a_device_that_is_not_called_so(begun: Path, device: str) -> None:
    told = f"was begun on {EXAMPLE_DEVICE.key}, not on {device}: resume it without"
    with pytest.raises(InputError, match=told):
        resumed(begun, device=device).fit()


def test_the_devices_node_is_asked_for_the_network_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def require_network(_venue: Venue, spec: str) -> None:
        raise InputError(f"asked for {spec}")

    monkeypatch.setattr(Venue, "require_network", require_network)
    config = RunConfig(name="run", storage_path=tmp_path)
    with pytest.raises(InputError, match=r"asked for tests\.networks:nowhere"):
        Tuner("tests.networks:nowhere", run_config=config).fit()


@pytest.mark.parametrize(("own_target", "processor"), [(True, "znver5"), (False, "")])
def test_a_run_goes_on_with_the_processor_that_it_began_with(
    begun: Path, own_target: bool, processor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def target(_venue: Venue, _name: str, *wanted: str) -> None:
        raise InputError(f"wanted: {wanted}")

    monkeypatch.setattr(Venue, "target", target)
    folder = RunFolder(begun)
    znver5 = '{"kind": "llvm", "mcpu": "znver5"}'
    folder.write(replace(folder.read(), target=znver5, own_target=own_target))
    with pytest.raises(InputError) as refused:
        resumed(begun).fit()
    assert str(refused.value) == f"wanted: {(EXAMPLE_DEVICE.key, processor)}"


def test_a_run_that_another_process_is_at_is_not_resumed(begun: Path) -> None:
    other = RunFolder(begun)
    other.hold()
    with pytest.raises(InputError, match=r"is at the run in .*run: wait until it ends"):
        resumed(begun).fit()
    other.give_up()


def test_a_run_that_fails_is_given_up(begun: Path) -> None:
    with pytest.raises(InputError, match="was begun on") as failed:
        resumed(begun, device="H100").fit()
    RunFolder(begun).hold()
    assert failed.tb is not None  # whose frames hold the run's folder


def test_a_run_is_not_resumed_into_another_history(begun: Path) -> None:
    with pytest.raises(InputError, match=r"records in .*shared, not in .*other: resume it without"):
        resumed(begun, history=str(begun.parent / "other")).fit()


@pytest.mark.parametrize(
    ("target", "processor", "is_own"),
    [(CPU, "znver5", True), (CPU, "", False), (GPU, "sm_90", False)],
)
def test_a_processor_that_was_chosen_is_timed_on_and_no_other(
    target: TargetSpec, processor: str, is_own: bool
) -> None:
    timer = _timer(target, processor)
    if is_own:
        assert isinstance(timer, partial)
        assert (timer.func, timer.args) == (OwnCpuTimer, ("znver5",))
    else:
        assert timer is LocalTimer
