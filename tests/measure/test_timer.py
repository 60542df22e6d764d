"""Real candidates: sound, slow, wrong and malicious."""

from dataclasses import replace

import pytest

from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import NOTHING, Artifact, BuildInput
from dgtl_ray.core.task import Surroundings, TensorSpec
from dgtl_ray.measure import LocalBuilder, LocalTimer
from tests.measure.conftest import (
    ARGS,
    CompileC,
    descendants,
    matmul_program,
    run_input,
    scratch_roots,
)


def test_times_a_good_candidate(timer: LocalTimer, good: Artifact, target: str) -> None:
    result = timer.time(run_input(good, target))
    assert result.status is Status.OK
    assert 3 <= len(result.repeats_s) <= 50
    assert all(1e-7 < repeat_s < 0.1 for repeat_s in result.repeats_s)
    assert result.timing_s >= sum(result.repeats_s)


def test_gives_up_on_a_slow_candidate(timer: LocalTimer, good: Artifact, target: str) -> None:
    result = timer.time(run_input(good, target, best_s=1e-9))
    assert result.status is Status.OK
    assert len(result.repeats_s) == 1


def test_stays_with_one_in_the_running(timer: LocalTimer, good: Artifact, target: str) -> None:
    cost_s = timer.time(run_input(good, target)).repeats_s[0]
    assert len(timer.time(run_input(good, target, best_s=10 * cost_s)).repeats_s) >= 3


def test_a_long_run_is_timed_once_a_repeat(
    timer: LocalTimer, compile_c: CompileC, target: str
) -> None:
    result = timer.time(run_input(compile_c("usleep(30000);"), target))
    assert len(result.repeats_s) == 3
    assert all(0.03 <= repeat_s < 0.3 for repeat_s in result.repeats_s)
    assert result.timing_s >= 4 * 0.03  # one run to warm up, and three repeats


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("*(volatile int *)0 = 1;", Status.RUN_ERROR, "SIGSEGV"),
        ("for (;;) ;", Status.RUN_TIMEOUT, "0.5 s"),
        (
            "for (;;) { void *p = malloc(1 << 26); if (!p) abort(); memset(p, 1, 1 << 26); }",
            Status.RUN_ERROR,
            "SIGABRT (memory limit 0.5 GiB)",
        ),
        ("exit(0);", Status.RUN_ERROR, "exit status 0"),
        ("_exit(5);", Status.RUN_ERROR, "exit status 5"),
        ('fprintf(stderr, "bad heap\\n"); abort();', Status.RUN_ERROR, "bad heap"),
        ("if (fork() == 0) for (;;) sleep(1); for (;;) ;", Status.RUN_TIMEOUT, "0.5 s"),
    ],
)
def test_a_bad_candidate_costs_only_itself(
    timer: LocalTimer,
    compile_c: CompileC,
    good: Artifact,
    target: str,
    body: str,
    status: Status,
    named: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = len(descendants())
    timeout_s = 0.5 if status is Status.RUN_TIMEOUT else 10.0
    result = timer.time(run_input(compile_c(body), target, timeout_s=timeout_s))
    assert (result.status, result.repeats_s) == (status, ())
    assert named in result.error
    assert timer.time(run_input(good, target)).status is Status.OK
    assert len(descendants()) <= before + 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("library", [b"", b"no library", b"\x7fELF"])
def test_what_cannot_be_loaded_is_a_run_error(
    timer: LocalTimer, target: str, library: bytes
) -> None:
    result = timer.time(run_input(Artifact(library=library), target))
    assert result.status is Status.RUN_ERROR
    assert result.error


def test_leaves_no_file(timer: LocalTimer, good: Artifact, target: str) -> None:
    timer.time(run_input(good, target))
    assert not [path for root in scratch_roots() for path in root.rglob("*.so")]


def test_verifies(
    timer: LocalTimer, builder: LocalBuilder, good: Artifact, matmul: str, target: str
) -> None:
    plain = builder.build(BuildInput(program=matmul, target=target, schedule=""))
    result = timer.verify(good, plain.artifact, target)
    assert (result.status, result.error, result.repeats_s) == (Status.OK, "", ())


@pytest.mark.parametrize(("scale", "status"), [(1.0005, Status.OK), (1.01, Status.WRONG_RESULT)])
def test_verify_holds_the_tolerance(
    timer: LocalTimer,
    builder: LocalBuilder,
    good: Artifact,
    target: str,
    scale: float,
    status: Status,
) -> None:
    item = BuildInput(program=matmul_program(scale), target=target, schedule="")
    off = builder.build(item).artifact
    result = timer.verify(off, good, target)
    assert result.status is status
    assert ("largest relative error 0.0" in result.error) is (status is Status.WRONG_RESULT)


def test_verify_catches_an_output_that_is_not_written(
    timer: LocalTimer, compile_c: CompileC, good: Artifact, target: str
) -> None:
    result = timer.verify(compile_c(""), good, target)
    assert result.status is Status.WRONG_RESULT


def test_verify_survives_a_crash(
    timer: LocalTimer, compile_c: CompileC, good: Artifact, target: str
) -> None:
    result = timer.verify(compile_c("*(volatile int *)0 = 1;"), good, target)
    assert result.status is Status.RUN_ERROR
    assert timer.verify(good, good, target).status is Status.OK


def test_what_passed_through_the_caches_is_told(
    timer: LocalTimer, good: Artifact, target: str
) -> None:
    around = Surroundings(other_bytes=3 << 20, weights=(1,))
    result = timer.time(replace(run_input(good, target), surroundings=around))
    assert (result.status, result.error, result.passed_bytes) == (Status.OK, "", 3 << 20)
    assert len(result.repeats_s) >= 3


def test_describes_the_cpu(timer: LocalTimer, target: str) -> None:
    device = timer.describe(target)
    assert (device.kind, device.cores) == ("cpu", 2)
    assert device.vector_lanes in (4, 8, 16)
    assert device.bandwidth_gb_s > 0.5


def test_a_gpu_that_is_not_there(timer: LocalTimer) -> None:
    import tvm

    if tvm.cuda(0).exist:
        pytest.skip("there is a GPU here")
    target = '{"kind": "cuda", "arch": "sm_90"}'
    with pytest.raises(DeviceError, match=r"^no NVIDIA GPU"):
        timer.describe(target)
    result = timer.time(run_input(NOTHING, target))
    assert result.status is Status.RUN_ERROR
    assert "GPU" in result.error


def test_arguments_change_with_the_task(timer: LocalTimer, good: Artifact, target: str) -> None:
    from dataclasses import replace

    timer.time(run_input(good, target))
    other = tuple(TensorSpec(shape=(128, 64), dtype="float32") for _ in range(3))
    item = run_input(replace(good, args=other), target)
    assert timer.time(item).status is Status.OK


@pytest.mark.parametrize(("scale", "status"), [(1.0, Status.OK), (1.01, Status.WRONG_RESULT)])
def test_verifies_with_weights_prepared(
    timer: LocalTimer,
    builder: LocalBuilder,
    good: Artifact,
    target: str,
    scale: float,
    status: Status,
) -> None:
    item = BuildInput(program=matmul_program(scale, weight=1), target=target, schedule="")
    packed = builder.build(item).artifact
    assert packed.preparations
    assert packed.args[1] != ARGS[1]
    assert timer.time(run_input(packed, target)).status is Status.OK
    assert timer.verify(packed, good, target).status is status
