"""What a run refuses before anything is loaded, and who times."""

from pathlib import Path

import pytest

from dgtl_ray.configs import RunConfig
from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.workers import TimerFactory
from dgtl_ray.history import ParquetHistory
from dgtl_ray.measure import LocalTimer
from dgtl_ray.measure.own_cpu import OwnCpuTimer
from dgtl_ray.model import TargetSpec
from dgtl_ray.run.experiment import _timer
from dgtl_ray.run.folder import RunFolder
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


def test_a_run_is_not_resumed_on_a_device_that_is_not_called_so(begun: Path) -> None:
    told = f"was begun on {EXAMPLE_DEVICE.key}, not on H100: resume it without"
    with pytest.raises(InputError, match=told):
        resumed(begun, device="H100").fit()


def test_a_run_is_not_resumed_into_another_history(begun: Path) -> None:
    with pytest.raises(InputError, match=r"records in .*shared, not in .*other: resume it without"):
        resumed(begun, history=str(begun.parent / "other")).fit()


@pytest.mark.parametrize(
    ("own_target", "target", "address", "timer"),
    [
        (True, CPU, "auto", OwnCpuTimer),
        (False, CPU, "auto", LocalTimer),
        (True, CPU, "local", LocalTimer),
        (True, GPU, "auto", LocalTimer),
    ],
)
def test_a_target_of_a_clusters_own_processors_is_for_no_others(
    own_target: bool, target: TargetSpec, address: str, timer: TimerFactory
) -> None:
    assert _timer(example_state(own_target=own_target), target, address) is timer
