"""Fakes that misbehave. Ray's workers import them from here."""

from zlib import crc32

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import RunResult
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


class WrongAnswers(FakeTimer):
    """Every schedule but the slow ones gives wrong answers."""

    def verify(
        self, artifact: bytes, reference: bytes, args: tuple[TensorSpec, ...], target: str
    ) -> RunResult:
        right = cost_of(artifact.decode()) > 1e-3
        return RunResult(
            status=Status.OK if right else Status.WRONG_RESULT,
            error="",
            repeats_s=(),
            timing_s=0.01,
        )
