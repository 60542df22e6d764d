import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.engine.scheduler import LayerRecord, allocate, remaining_gain


def record(costs_s: Sequence[float | None], weight: int = 1, spent_s: float = 0.1) -> LayerRecord:
    layer = LayerRecord(name="layer", flop=1e6, weight=weight)
    for cost_s in costs_s:
        layer.add(cost_s, spent_s)
    return layer


def test_layers_never_measured_come_first_each_with_a_chunk() -> None:
    records = [record([1e-3] * 50), record([]), record([])]
    assert allocate(records, 16, 8) == {1: 8, 2: 8}


def test_a_heavier_layer_gets_more() -> None:
    quota = allocate([record([1e-3] * 20), record([1e-3] * 20, weight=8)], 64, 8)
    assert quota[1] > quota.get(0, 0)


def test_a_layer_that_still_improves_gets_more_than_one_that_does_not() -> None:
    falling = [1e-3 * 0.97**k for k in range(40)]
    quota = allocate([record([falling[-1]] * 40), record([*falling])], 64, 8)
    assert quota[1] > quota.get(0, 0)


def test_a_layer_whose_trials_are_dear_gets_less() -> None:
    quota = allocate([record([1e-3] * 20, spent_s=1.0), record([1e-3] * 20, spent_s=0.1)], 64, 8)
    assert quota[1] > quota.get(0, 0)


def test_a_layer_far_behind_comes_first_however_little_it_promises() -> None:
    records = [record([1.0] * 60), record([1e-2] * 2), record([1.0] * 60)]
    assert allocate(records, 16, 8)[1] == 16
    records[1].most = 4
    assert allocate(records, 16, 8)[1] == 2


def test_a_layer_that_takes_no_time_to_speak_of_may_fall_behind() -> None:
    records = [record([1.0] * 60), record([1e-3] * 2), record([1.0] * 60)]
    assert 1 not in allocate(records, 16, 8)
    records[1].weight = 9
    assert allocate(records, 16, 8) == {1: 16}
    assert allocate([record([1.0] * 50), record([None] * 10)], 8, 8) == {1: 8}


def test_a_layer_that_never_ran_is_not_hoped_for_for_ever() -> None:
    fine, broken = record([1.0] * 50), record([None] * 200)
    assert allocate([fine, broken], 32, 16).get(1, 0) < 16
    assert allocate([record([1.0] * 50), record([None] * 31)], 8, 8) == {1: 8}
    # It is kept up with the others, as any.
    assert allocate([record([1.0] * 2000), broken], 16, 16) == {1: 16}
    assert allocate([record([None] * 40), record([None] * 36)], 8, 8) == {1: 8}


def test_what_stopped_gaining_promises_less_however_much_of_the_latency_it_takes() -> None:
    slow, fast = record([9e-3] * 256), record([1e-3] * 80)
    assert slow.gain_per_second() < fast.gain_per_second()
    assert record([9e-3] * 64).gain_per_second() > fast.gain_per_second()


def test_exhausted_layers_get_nothing() -> None:
    done = record([1e-3])
    done.exhausted = True
    assert allocate([done], 32, 8) == {}


def test_no_layer_gets_more_than_it_may_have() -> None:
    records = [record([1e-3] * 20, weight=9), record([1e-3] * 20)]
    records[0].most = 23
    quota = allocate(records, 32, 8)
    assert quota == {0: 3, 1: 29}
    records[0].most = records[1].most = 20
    assert allocate(records, 32, 8) == {}


def test_a_layer_that_gained_nothing_for_long_is_given_no_more() -> None:
    layer = record([3e-3, 2e-3, None, 2e-3])
    layer.patience = 3
    assert layer.stale == 2
    assert layer.left(0) == math.inf
    layer.add(2.5e-3, 0.1)
    assert allocate([layer], 16, 8) == {}
    layer.add(1e-3, 0.1)
    assert allocate([layer], 16, 8) == {0: 16}


def test_failures_are_counted_and_cost_nothing_of_the_best() -> None:
    layer = record([None, 2e-3, None, 1e-3])
    assert (layer.trials, layer.failed, layer.best_s) == (4, 2, 1e-3)


def test_what_history_knows_is_no_trial() -> None:
    layer = record([])
    layer.learn(1e-3)
    layer.learn(2e-3)
    assert (layer.trials, layer.best_s) == (0, 1e-3)


@given(
    st.lists(st.lists(st.floats(1e-6, 1.0), max_size=20), min_size=1, max_size=6),
    st.integers(1, 100),
    st.integers(1, 16),
)
def test_every_trial_is_given_to_somebody(costs: list[list[float]], total: int, chunk: int) -> None:
    quota = allocate([record([*of_layer]) for of_layer in costs], total, chunk)
    assert sum(quota.values()) == total
    assert min(quota.values()) > 0


def test_what_is_on_its_way_counts_as_given() -> None:
    records = [record([1e-3] * 20), record([1e-3] * 20)]
    assert allocate(records, 8, 8, {0: 8}) == {1: 8}


def test_what_is_left_to_gain_is_what_the_later_half_won() -> None:
    flat = record([1e-3] * 100)
    falling = record([1e-3] * 50 + [0.9e-3] * 50, weight=2)
    assert remaining_gain([flat]) == 0.0
    assert remaining_gain([flat, falling]) == pytest.approx(0.2 / 2.8)


def test_where_trials_are_few_all_is_left_to_gain() -> None:
    assert remaining_gain([record([1e-3] * 8), record([3e-3] * 100)]) == pytest.approx(0.75 / 4)
    assert remaining_gain([record([1e-3]), record([1e-3] * 100)]) > 0.48
    assert remaining_gain([record([]), record([1e-3] * 100)]) == math.inf
    done = record([1e-3] * 20)
    done.exhausted = True
    assert remaining_gain([done]) == 0.0


def test_a_layer_that_never_ran_does_not_keep_a_search_from_ending() -> None:
    known, done = record([1e-3] * 100), record([None] * 8)
    assert remaining_gain([known, done]) == math.inf
    done.exhausted = True
    assert remaining_gain([known, done]) == 0.0
    assert remaining_gain([known, record([None] * 200)]) == 0.0
    assert remaining_gain([record([None] * 200)]) == math.inf  # of what nothing is known yet
    assert remaining_gain([done]) == 0.0
