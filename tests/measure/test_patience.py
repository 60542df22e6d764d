"""The limit of a build follows what others took."""

import pytest

from dgtl_ray.measure.patience import Patience


@pytest.mark.parametrize(
    ("took_s", "limit_s"),
    [
        ([], 30.0),  # nothing is known
        ([0.1, 0.1], 30.0),  # little is
        ([0.1, 0.1, 0.1], 6.0),  # never less than that
        ([0.5, 0.5, 9.0], 10.0),
        ([0.1] * 100 + [1.0] * 64, 20.0),  # it grows where the machine becomes busy
        ([4.0, 5.0, 6.0], 30.0),  # never more than at the start
    ],
)
def test_the_limit_follows_the_median(took_s: list[float], limit_s: float) -> None:
    patience = Patience(30.0)
    for seconds in took_s:
        patience.learn(seconds)
    assert patience.limit_s == pytest.approx(limit_s)


def test_who_is_impatient_stays_so() -> None:
    patience = Patience(0.5)
    for _ in range(10):
        patience.learn(0.2)
    assert patience.limit_s == 0.5
