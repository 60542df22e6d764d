"""Fakes that misbehave. Ray's workers import them from here."""

from zlib import crc32

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import UNTUNED, RunResult
from dgtl_ray.core.task import TensorSpec
from dgtl_ray.testing.fakes import FakeBuilder, FakeTimer, cost_of


def fails_often(schedule: str) -> Status:
    """Every third schedule fails, the default never does."""
    return Status.BUILD_ERROR if schedule and crc32(schedule.encode()) % 3 == 0 else Status.OK


def fails_to_run(schedule: str) -> Status:
    return Status.RUN_TIMEOUT if schedule and crc32(schedule.encode()) % 3 == 1 else Status.OK


def flaky_builder() -> FakeBuilder:
    return FakeBuilder(status_of=fails_often)


def flaky_timer() -> FakeTimer:
    return FakeTimer(status_of=fails_to_run)


class NothingRunsUntuned(FakeTimer):
    """As where the plain loops take longer than a verification may."""

    def verify(
        self,
        artifact: bytes,
        reference: bytes,
        args: tuple[TensorSpec, ...],
        target: str,
    ) -> RunResult:
        return RunResult(status=Status.RUN_TIMEOUT, error="", repeats_s=(), timing_s=60.0)


class AllWrong(FakeTimer):
    """No schedule, the default neither, gives what the layer gives untuned."""

    def verify(
        self,
        artifact: bytes,
        reference: bytes,
        args: tuple[TensorSpec, ...],
        target: str,
    ) -> RunResult:
        status = Status.OK if artifact == reference else Status.WRONG_RESULT
        return RunResult(status=status, error="", repeats_s=(), timing_s=0.01)


class WrongAnswers(FakeTimer):
    """Every schedule but the slow ones differs from the layer untuned."""

    def verify(
        self, artifact: bytes, reference: bytes, args: tuple[TensorSpec, ...], target: str
    ) -> RunResult:
        assert reference.decode() == UNTUNED
        right = artifact == reference or cost_of(artifact.decode()) > 1e-3
        return RunResult(
            status=Status.OK if right else Status.WRONG_RESULT,
            error="",
            repeats_s=(),
            timing_s=0.01,
        )
