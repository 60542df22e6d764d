"""Real builds, good and bad."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import NOTHING, Artifact, BuildInput
from dgtl_ray.measure import LocalBuilder
from tests.measure.conftest import descendants, scratch_roots


def test_builds_a_shared_library(good: Artifact) -> None:
    assert good.library.startswith(b"\x7fELF")


def test_reports_its_time(builder: LocalBuilder, matmul: str, target: str) -> None:
    result = builder.build(BuildInput(program=matmul, target=target, schedule=""))
    assert result.status is Status.OK
    assert 0.005 < result.build_s < 30.0


@pytest.mark.parametrize(
    ("program", "schedule", "named"),
    [
        (None, "this is no trace", "not a schedule"),
        ("this is no program", "", ""),
    ],
)
def test_what_does_not_apply_is_a_build_error(
    builder: LocalBuilder, matmul: str, target: str, program: str | None, schedule: str, named: str
) -> None:
    item = BuildInput(program=program or matmul, target=target, schedule=schedule)
    result = builder.build(item)
    assert result.status is Status.BUILD_ERROR
    assert result.artifact == NOTHING
    assert named in result.error
    assert "\n" not in result.error
    again = builder.build(BuildInput(program=matmul, target=target, schedule=""))
    assert again.status is Status.OK


def test_leaves_no_file(builder: LocalBuilder, matmul: str, target: str) -> None:
    builder.build(BuildInput(program=matmul, target=target, schedule=""))
    for root in scratch_roots():
        assert not list(root.rglob("*.so")) + list(root.rglob("*.o"))


@pytest.fixture(scope="module")
def moody() -> Iterator[LocalBuilder]:
    builder = LocalBuilder(
        timeout_s=1.5,
        memory_limit_bytes=256 << 20,
        processes=2,
        job="tests.measure.jobs:moody_build_job",
    )
    yield builder
    builder.close()


@pytest.mark.parametrize(
    ("schedule", "status", "named"),
    [
        ("hang", Status.BUILD_TIMEOUT, "1.5 s"),
        ("spawn and hang", Status.BUILD_TIMEOUT, "1.5 s"),
        ("crash", Status.BUILD_ERROR, "SIGSEGV"),
        ("exit", Status.BUILD_ERROR, "exit status 3"),
        ("allocate", Status.BUILD_ERROR, "MemoryError"),
    ],
)
def test_a_bad_build_costs_only_itself(
    moody: LocalBuilder, target: str, schedule: str, status: Status, named: str
) -> None:
    result = moody.build(BuildInput(program="", target=target, schedule=schedule))
    assert (result.status, result.artifact) == (status, NOTHING)
    assert named in result.error
    after = moody.build(BuildInput(program="", target=target, schedule="fine"))
    assert (after.status, after.artifact.library) == (Status.OK, b"fine")
    assert not [p for p in descendants() if p.name() == "sleep"]


def test_builds_from_several_threads(moody: LocalBuilder, target: str) -> None:
    items = [
        BuildInput(program="", target=target, schedule=text)
        for text in ("a", "crash", "b", "c", "hang", "d")
    ]
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(moody.build, items))
    assert [r.artifact.library for r in results] == [b"a", b"", b"b", b"c", b"", b"d"]


def test_cuda_machine_code_without_a_gpu(builder: LocalBuilder, matmul: str) -> None:
    from dgtl_ray.measure.toolchain import cuda_version

    if not cuda_version():
        pytest.skip("neither NVRTC nor nvcc is here")
    target = (
        '{"kind": "cuda", "arch": "sm_90", "max_threads_per_block": 1024,'
        ' "max_shared_memory_per_block": 49152, "thread_warp_size": 32,'
        ' "registers_per_block": 65536}'
    )
    result = builder.build(BuildInput(program=matmul, target=target, schedule=""))
    assert result.error == ""
    assert b"machine code: " in result.artifact.library
    assert b"__global__" not in result.artifact.library
