"""Clocks and temperature, from a library that stands for NVIDIA's."""

from pathlib import Path

import pytest

from dgtl_ray.core.device import UNKNOWN_CONDITIONS, Conditions
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import Artifact
from dgtl_ray.measure import LocalTimer
from dgtl_ray.measure.nvml import GpuGauges, gpu_conditions
from tests.measure.conftest import run_input
from tests.measure.fake_gpu import make_fake_gpu

TOLD = Conditions(core_clock_mhz=1980.0, memory_clock_mhz=2619.0, temperature_c=41.0)


def test_the_gpu_that_cuda_sees_is_asked(tmp_path: Path) -> None:
    library = make_fake_gpu(tmp_path)
    assert GpuGauges(library, library).read() == TOLD


@pytest.mark.parametrize("option", ["-DTHERMOMETER=3", "-DNO_THERMOMETER"])
def test_what_is_not_told_is_none(tmp_path: Path, option: str) -> None:
    library = make_fake_gpu(tmp_path, option)
    found = GpuGauges(library, library).read()
    assert (found.core_clock_mhz, found.temperature_c) == (1980.0, None)


def test_a_machine_without_a_gpu_tells_nothing() -> None:
    import tvm

    if tvm.cuda(0).exist:
        pytest.skip("there is a GPU here")
    assert gpu_conditions() == UNKNOWN_CONDITIONS


def test_they_come_with_the_timing(
    tmp_path: Path, good: Artifact, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GPU", make_fake_gpu(tmp_path))
    timer = LocalTimer(job="tests.measure.jobs:gauged_time_job")
    try:
        result = timer.time(run_input(good, target))
    finally:
        timer.close()
    assert (result.status, result.error) == (Status.OK, "")
    assert result.repeats_s
    assert result.conditions == TOLD
