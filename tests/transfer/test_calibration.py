import numpy as np
import pytest

from dgtl_ray.transfer.calibration import Calibration


def rows(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.arange(3 * n, dtype=np.int32).reshape(n, 3)


def test_predictions_are_not_trusted_entirely_at_first() -> None:
    assert 1.0 < Calibration().factor < 1.5


@pytest.mark.parametrize("wrong_by", [0.5, 1.0, 3.0])
def test_the_factor_becomes_what_the_errors_were(wrong_by: float) -> None:
    calibration, pool = Calibration(), rows(400)
    calibration.expect(pool, np.zeros(400), np.ones(400))
    errors = np.random.default_rng(0).normal(size=400)
    calibration.learn(pool, np.exp(wrong_by * errors))
    assert calibration.factor == pytest.approx(wrong_by, rel=0.15)


def test_only_what_was_predicted_and_measured_counts_once() -> None:
    calibration, pool = Calibration(), rows(40)
    before = calibration.factor
    calibration.learn(pool, np.full(40, 100.0))
    calibration.expect(pool, np.zeros(40), np.ones(40))
    calibration.learn(pool, np.full(40, np.nan))
    calibration.learn(pool, np.full(40, 100.0))
    assert calibration.factor == before
