import pytest

from dgtl_ray.engine.health import DeviceHealth, Fault, HealthPolicy

POLICY = HealthPolicy(restarts=1, quarantine_s=10.0, longest_quarantine_s=35.0, sound_trials=3)


def test_a_device_is_restarted_then_quarantined_ever_longer() -> None:
    health = DeviceHealth(POLICY)
    assert [health.fail(Fault.DIED) for _ in range(5)] == [0.0, 10.0, 20.0, 35.0, 35.0]
    assert health.faults == {Fault.DIED: 5}


def test_sound_trials_make_up_for_faults() -> None:
    health = DeviceHealth(POLICY)
    health.fail(Fault.HUNG)
    for _ in range(3):
        health.served()
    assert health.fail(Fault.HUNG) == 0.0


def test_a_few_sound_trials_do_not() -> None:
    health = DeviceHealth(POLICY)
    health.fail(Fault.HUNG)
    for _ in range(2):
        health.served()
    assert health.fail(Fault.HUNG) == 10.0


@pytest.mark.parametrize(("factor", "erratic"), [(1.09, False), (1.12, True), (0.88, True)])
def test_drift_from_the_first_timing_flags_a_device(factor: float, erratic: bool) -> None:
    health = DeviceHealth(POLICY)
    assert health.judge(1e-3) == 0.0
    assert health.judge(factor * 1e-3) == pytest.approx(factor - 1)
    assert health.is_erratic is erratic
    health.judge(1e-3)
    assert not health.is_erratic


def test_the_reference_is_due_at_once_and_then_now_and_again() -> None:
    health = DeviceHealth(POLICY)
    due = [now_s for now_s in range(0, 180, 20) if health.is_check_due(float(now_s))]
    assert due == [0, 60, 120]
