"""How devices are cared for, with devices that are made up."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from dgtl_ray.core.device import DeviceDescriptor, DeviceKind
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import RunResult
from dgtl_ray.engine.care import Shared
from dgtl_ray.engine.device import Device, DeviceFaultError, Job
from dgtl_ray.engine.devices import DevicePool
from dgtl_ray.engine.health import DeviceState, Fault, HealthPolicy
from dgtl_ray.engine.places import Place
from dgtl_ray.measure.own_cpu import OtherProcessorError
from dgtl_ray.testing.fakes import FAKE_DEVICE

POLICY = HealthPolicy(
    quarantine_s=0.05, reference_every_s=0.0, find_every_s=0.02, patience_s=0.2, sound_trials=1000
)
REFERENCE = "reference"
Answer = Callable[[str, int], RunResult]
What = DeviceDescriptor | Fault | OtherProcessorError


def ran(cost_s: float = 1e-3, status: Status = Status.OK) -> RunResult:
    repeats_s = (cost_s,) if status is Status.OK else ()
    return RunResult(status=status, error="", repeats_s=repeats_s, timing_s=0.01)


def sound(_name: str, _count: int) -> RunResult:
    return ran()


class MadeUp(Device):
    """Answers what a function says of a job's name and of how many jobs there were before."""

    def __init__(self, place: Place, answer: Answer, what: What) -> None:
        super().__init__(place, spawn=lambda _place: None, policy=POLICY)
        self.answer = answer
        self.what = what
        self.count = 0

    async def start(self) -> DeviceDescriptor:
        if isinstance(self.what, Fault):
            raise DeviceFaultError(self.what, "no GPU")
        if isinstance(self.what, OtherProcessorError):
            raise self.what
        self.fault = None
        return self.what

    async def run(self, job: Job, *, ahead: int) -> RunResult:
        await asyncio.sleep(0.001)
        self.count += 1
        return self.answer(job.args[0], self.count)


class Ward:
    """A pool of made-up devices that does so many jobs."""

    def __init__(
        self,
        *answers: Answer,
        what: Sequence[What] = (FAKE_DEVICE,) * 2,
        wanted: str = "",
    ) -> None:
        self.devices: list[MadeUp] = []
        self.notes: list[str] = []
        self._answers = answers
        self._what = what
        self._wanted = wanted

    def run(self, jobs: Sequence[str]) -> list[RunResult]:
        return asyncio.run(self._run(jobs))

    async def _run(self, jobs: Sequence[str]) -> list[RunResult]:
        places = [
            Place(kind="cpu", node_id="node", address="here", index=k, shared=False, resources={})
            for k in range(len(self._answers))
        ]
        shared = Shared(
            find=lambda: places,
            depth=2,
            note=self.notes.append,
            cores=False,
            wanted=DeviceKind(self._wanted),
        )
        pool = DevicePool(shared, self._make, POLICY, lambda _reports: None)
        try:
            await pool.open()
            pool.set_reference("time", (REFERENCE,), 1.0)
            work = (pool.submit("time", (job,), 1.0) for job in jobs)
            results = list(await asyncio.gather(*work))
            await asyncio.sleep(0.2)
        finally:
            await pool.close()
        return results

    def _make(self, place: Place) -> Device:
        device = MadeUp(place, self._answers[place.index], self._what[place.index])
        self.devices.append(device)
        return device


def faults(ward: Ward) -> list[dict[Fault, int]]:
    return [dict(device.health.faults) for device in ward.devices]


def test_jobs_are_shared_and_each_is_done_once() -> None:
    ward = Ward(sound, sound)
    results = ward.run([f"job {k}" for k in range(60)])
    assert results == [ran()] * 60
    assert [device.report().trials > 10 for device in ward.devices] == [True, True]
    assert sum(device.report().trials for device in ward.devices) == 60


def test_a_sick_device_is_set_aside_and_its_failures_are_not_the_candidates() -> None:
    def sick(_name: str, count: int) -> RunResult:
        return ran() if count < 10 else ran(status=Status.RUN_ERROR)

    ward = Ward(sick, sound)
    assert {result.status for result in ward.run(["job"] * 60)} == {Status.OK}
    assert faults(ward)[0][Fault.SICK] >= 2
    assert faults(ward)[1] == {}
    assert any("quarantined" in note for note in ward.notes)


def test_a_reference_that_never_ran_is_not_the_devices_fault() -> None:
    def slow_reference(name: str, _count: int) -> RunResult:
        return ran(status=Status.RUN_TIMEOUT if name == REFERENCE else Status.OK)

    ward = Ward(slow_reference, slow_reference)
    assert ward.run(["job"] * 60) == [ran()] * 60
    assert faults(ward) == [{}, {}]
    assert len([note for note in ward.notes if "none has run yet" in note]) == 2


def test_a_device_is_judged_once_another_has_run_the_reference() -> None:
    def sick(name: str, _count: int) -> RunResult:
        return ran(status=Status.RUN_ERROR if name == REFERENCE else Status.OK)

    ward = Ward(sick, sound)
    assert ward.run(["job"] * 60) == [ran()] * 60
    assert faults(ward)[0][Fault.SICK] >= 1
    assert faults(ward)[1] == {}


def test_a_candidate_that_fails_on_a_sound_device_is_to_blame() -> None:
    def picky(name: str, _count: int) -> RunResult:
        return ran(status=Status.RUN_ERROR if name == "bad" else Status.OK)

    ward = Ward(picky, picky)
    results = ward.run(["good", "bad", "good"])
    assert [r.status for r in results] == [Status.OK, Status.RUN_ERROR, Status.OK]
    assert faults(ward) == [{}, {}]


def test_a_candidate_that_takes_devices_down_with_it_is_given_up() -> None:
    def fragile(name: str, _count: int) -> RunResult:
        if name == "killer":
            raise DeviceFaultError(Fault.DIED, "gone")
        return ran()

    ward = Ward(fragile, fragile)
    results = ward.run(["good"] * 5 + ["killer"] + ["good"] * 5)
    assert [r.status for r in results].count(Status.OK) == 10
    assert results[5].status is Status.RUN_ERROR
    assert sum(sum(of.values()) for of in faults(ward)) == 3


def drifting(name: str, count: int) -> RunResult:
    return ran(1.3e-3 if name == REFERENCE and 10 < count < 13 else 1e-3)


def test_an_erratic_device_is_set_aside_and_given_back() -> None:
    ward = Ward(drifting, sound)
    ward.run(["job"] * 200)
    assert faults(ward)[0][Fault.ERRATIC] >= 1
    assert ward.devices[0].state is DeviceState.READY
    assert not ward.devices[0].health.is_erratic


def test_the_last_device_is_only_told_to_be_erratic() -> None:
    ward = Ward(drifting, what=[FAKE_DEVICE])
    ward.run(["job"] * 100)
    assert faults(ward) == [{Fault.ERRATIC: 1}]
    assert [note for note in ward.notes if "erratically" in note]


OTHER = replace(FAKE_DEVICE, name="other")


def test_a_device_of_another_kind_is_left_out() -> None:
    ward = Ward(sound, sound, what=[FAKE_DEVICE, OTHER])
    ward.run(["job"] * 20)
    assert sorted(device.state for device in ward.devices) == [
        DeviceState.READY,
        DeviceState.REFUSED,
    ]
    assert any("left out" in note for note in ward.notes)


@pytest.mark.parametrize("what", [(FAKE_DEVICE, OTHER), (OTHER, FAKE_DEVICE)])
def test_only_devices_of_the_kind_that_is_wanted_time(what: Sequence[DeviceDescriptor]) -> None:
    ward = Ward(sound, sound, what=what, wanted=OTHER.key)
    ward.run(["job"] * 20)
    trials = {device.what: device.report().trials for device in ward.devices}
    assert trials == {OTHER: 20, FAKE_DEVICE: 0}


def test_a_run_ends_where_no_device_is_of_the_kind_that_is_wanted() -> None:
    ward = Ward(sound, sound, what=[FAKE_DEVICE, Fault.ABSENT], wanted=OTHER.key)
    with pytest.raises(DeviceError, match=r"cpu/fake/2, this run tunes for cpu/other/2|no GPU"):
        ward.run([])


OLDER = OtherProcessorError("its processor is a znver4")


@pytest.mark.parametrize("what", [(FAKE_DEVICE, OLDER), (OLDER, FAKE_DEVICE)])
def test_a_processor_of_another_generation_is_left_out(what: Sequence[What]) -> None:
    ward = Ward(sound, sound, what=what)
    assert ward.run(["job"] * 20) == [ran()] * 20
    states = {device.what: device.state for device in ward.devices}
    assert states == {FAKE_DEVICE: DeviceState.READY, OLDER: DeviceState.REFUSED}
    (note,) = ward.notes
    assert note.endswith("is left out: its processor is a znver4")
    assert faults(ward) == [{}, {}]


def test_a_run_ends_where_all_processors_are_of_another_generation() -> None:
    ward = Ward(sound, sound, what=[OLDER, OLDER])
    with pytest.raises(DeviceError, match=r"no device is left to time on: .*a znver4"):
        ward.run([])


def test_a_report_tells_a_device_from_others_of_its_name() -> None:
    place = Place(kind="cuda", node_id="node", address="here", index=0, shared=False, resources={})
    report = Device(place, lambda _place: None, POLICY, "sm_90").report()
    assert (report.name, report.kind, report.processor) == ("here#0", "cuda", "sm_90")


def test_no_device_at_all_is_told_at_once() -> None:
    ward = Ward(sound, sound, what=[Fault.ABSENT, Fault.ABSENT])
    with pytest.raises(DeviceError, match="no GPU"):
        ward.run([])


def test_the_run_ends_when_no_device_comes_back() -> None:
    def dies(_name: str, _count: int) -> RunResult:
        raise DeviceFaultError(Fault.DIED, "gone")

    ward = Ward(dies, what=[FAKE_DEVICE])
    with pytest.raises(DeviceError, match="resume the run once a device is back"):
        ward.run(["job"])
