"""Fakes that misbehave, and what is made up. Ray's workers import them from here."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import UNTUNED, Artifact, BuildInput, BuildResult, RunResult
from dgtl_ray.engine.device import DeviceReport
from dgtl_ray.engine.health import DeviceState
from dgtl_ray.measure.own_cpu import OtherProcessorError
from dgtl_ray.testing.fakes import FAKE_DEVICE, FakeBuilder, FakeTimer, cost_of

_REPORT = DeviceReport(
    name="here#0",
    node_id="node",
    kind="cpu",
    state=DeviceState.READY,
    is_erratic=False,
    descriptor=FAKE_DEVICE,
    processor="znver5",
    trials=3,
    busy_s=0.5,
    up_s=1.0,
    faults={"died": 1},
    error="",
)


def device_report(**changes: Any) -> DeviceReport:
    """What a run tells of a device, any of it changed."""
    return replace(_REPORT, **changes)


def fails_often(schedule: str) -> Status:
    """Every third schedule fails, the default never does."""
    return Status.BUILD_ERROR if schedule and crc32(schedule.encode()) % 3 == 0 else Status.OK


def fails_to_run(schedule: str) -> Status:
    return Status.RUN_TIMEOUT if schedule and crc32(schedule.encode()) % 3 == 1 else Status.OK


def flaky_builder() -> FakeBuilder:
    return FakeBuilder(status_of=fails_often)


def flaky_timer() -> FakeTimer:
    return FakeTimer(status_of=fails_to_run)


class Leaving(FakeBuilder):
    """Leaves a file where it was, once it has built something."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def build(self, item: BuildInput) -> BuildResult:
        result = super().build(item)
        self._file.touch()
        return result


class OnAnotherProcessor(FakeTimer):
    """Times on a processor that the target is not for."""

    def describe(self, target: str) -> DeviceDescriptor:
        raise OtherProcessorError("its processor is a znver4, this run tunes for a znver5")


class Verifying(FakeTimer):
    """Verifies as `status_of_outputs` says."""

    def status_of_outputs(self, artifact: Artifact, reference: Artifact) -> Status:
        raise NotImplementedError

    def verify(self, artifact: Artifact, reference: Artifact, target: str) -> RunResult:
        assert reference.library.decode() == UNTUNED
        status = self.status_of_outputs(artifact, reference)
        return RunResult(status=status, error="", repeats_s=(), timing_s=0.01)


class NothingRunsUntuned(Verifying):
    """As where the plain loops take longer than a verification may."""

    def status_of_outputs(self, artifact: Artifact, reference: Artifact) -> Status:
        return Status.RUN_TIMEOUT


class AllWrong(Verifying):
    """No schedule, the default neither, gives what the layer gives untuned."""

    def status_of_outputs(self, artifact: Artifact, reference: Artifact) -> Status:
        return Status.OK if artifact == reference else Status.WRONG_RESULT


class WrongAnswers(Verifying):
    """Every schedule but the slow ones differs from the layer untuned."""

    def status_of_outputs(self, artifact: Artifact, reference: Artifact) -> Status:
        right = artifact == reference or cost_of(artifact.library.decode()) > 1e-3
        return Status.OK if right else Status.WRONG_RESULT
