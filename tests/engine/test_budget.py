import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.budget import Budget


def test_a_budget_needs_a_limit() -> None:
    with pytest.raises(InputError, match="no budget"):
        Budget()


@pytest.mark.parametrize(("trials", "time_s"), [(-1, None), (None, -2.0), (None, float("nan"))])
def test_limits_that_make_no_sense_are_refused(trials: int | None, time_s: float | None) -> None:
    with pytest.raises(InputError, match="0 or more"):
        Budget(trials=trials, time_s=time_s)


def test_whichever_limit_is_met_first_ends_the_search() -> None:
    budget = Budget(trials=10, time_s=60.0)
    assert budget.why_spent(9, 59.0) == ""
    assert "10 trials" in budget.why_spent(10, 0.0)
    assert "60 s" in budget.why_spent(0, 60.0)


@pytest.mark.parametrize("min_gain", [-0.1, 1.0, float("nan")])
def test_a_share_that_makes_no_sense_is_refused(min_gain: float) -> None:
    with pytest.raises(InputError, match="min_gain"):
        Budget(trials=1, min_gain=min_gain)


def test_what_is_left_follows_the_pace() -> None:
    assert Budget(trials=30).left_s(10, 20.0) == 40.0
    assert Budget(time_s=60.0).left_s(10, 20.0) == 40.0
    assert Budget(trials=30).left_s(0, 20.0) is None
    assert Budget(trials=1000, time_s=60.0).left_s(10, 20.0) == 40.0


def test_what_is_left_is_estimated_from_what_layers_may_still_have() -> None:
    budget = Budget(time_s=1000.0)
    assert budget.left_s(10, 5.0, layers_left=20) == 10.0
    assert budget.left_s(10, 5.0) == 995.0
