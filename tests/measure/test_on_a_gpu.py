"""A layer on a GPU, from its design space to its timing. Skipped where there is none."""

from collections.abc import Iterator

import pytest

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import UNTUNED, Artifact, BuildInput, EvaluatorConfig, RunInput
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure import LocalBuilder, LocalTimer
from dgtl_ray.model import TargetSpec, load_network, parse_target
from dgtl_ray.space.sketches import read_design_space

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def gpu() -> TargetSpec:
    import tvm

    if not tvm.cuda(0).exist:
        pytest.skip("needs an NVIDIA GPU")
    return parse_target("cuda")


@pytest.fixture(scope="module")
def builder() -> Iterator[LocalBuilder]:
    builder = LocalBuilder(timeout_s=120.0)
    yield builder
    builder.close()


@pytest.fixture(scope="module")
def timer() -> Iterator[LocalTimer]:
    timer = LocalTimer()
    yield timer
    timer.close()


@pytest.fixture(scope="module")
def task(gpu: TargetSpec) -> LayerTask:
    tasks = load_network("tests.networks:tiny", gpu).tasks
    return next(task for task in tasks if task.operator == "conv2d")


def built(builder: LocalBuilder, task: LayerTask, gpu: TargetSpec, schedule: str) -> Artifact:
    item = BuildInput(program=task.program, target=gpu.json, schedule=schedule)
    result = builder.build(item)
    assert (result.status, result.error) == (Status.OK, "")
    return result.artifact


def test_a_random_configuration_is_built_timed_and_right(
    builder: LocalBuilder, timer: LocalTimer, task: LayerTask, gpu: TargetSpec
) -> None:
    space = read_design_space(task, gpu.json)
    (row,) = space.sample(1, stream(0, "gpu"))
    artifact = built(builder, task, gpu, space.schedule_of(row))
    item = RunInput(artifact=artifact, target=gpu.json, evaluator=EvaluatorConfig(), best_s=None)
    result = timer.time(item)
    assert (result.status, result.error) == (Status.OK, "")
    assert len(result.repeats_s) >= 5
    assert all(1e-7 < repeat_s < 1.0 for repeat_s in result.repeats_s)
    assert result.conditions.core_clock_mhz
    assert result.conditions.temperature_c
    reference = built(builder, task, gpu, UNTUNED)
    assert timer.verify(artifact, reference, gpu.json).status is Status.OK


def test_the_gpu_is_described(timer: LocalTimer, gpu: TargetSpec) -> None:
    device = timer.describe(gpu.json)
    assert (device.kind, device.vendor, device.vector_lanes) == ("cuda", "nvidia", 32)
    assert device.cache_bytes > 1 << 20
