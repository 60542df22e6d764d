import sys

import numpy as np
import pytest

from dgtl_ray.core.errors import MissingExtraError
from dgtl_ray.core.roles import FloatArray
from dgtl_ray.search.rivals.boosted_trees import (
    BoostedTrees,
    Boosting,
    Features,
    Objective,
    average_recall,
    speeds,
)


def data(n: int, seed: int = 0) -> tuple[Features, FloatArray]:
    """A speed that hangs on two of four features."""
    features = np.random.default_rng(seed).random((n, 4)).astype(np.float32)
    cost_s = np.exp(2 * np.square(features[:, 0] - 0.3) + features[:, 1])
    return features, speeds(cost_s)


def rank_correlation(a: FloatArray, b: FloatArray) -> float:
    ranks = [np.argsort(np.argsort(values)) / len(values) - 0.5 for values in (a, b)]
    return float(12 * np.mean(ranks[0] * ranks[1]))


@pytest.mark.parametrize("objective", Objective)
def test_orders_what_it_has_not_seen(objective: Objective) -> None:
    model = BoostedTrees(objective, [data(200)], Boosting(top=64), seed=0)
    features, speed = data(500, seed=1)
    assert rank_correlation(model.score(features), speed) > 0.9


def test_tasks_are_compared_within_themselves() -> None:
    """A task whose speeds all lie lower teaches the same order."""
    (features, speed), other = data(200), data(200, seed=2)
    groups = [(features, speed * 0.01), other]
    model = BoostedTrees(Objective.RANK, groups, Boosting(top=64), seed=0)
    unseen, truth = data(500, seed=1)
    assert rank_correlation(model.score(unseen), truth) > 0.85


def test_trees_start_from_the_margin() -> None:
    """With a margin that knows the order already, a dozen measurements are no loss."""
    few, unseen = data(12), data(500, seed=1)
    base = BoostedTrees(Objective.RANK, [data(300, seed=3)], Boosting(top=64), seed=0)
    alone = BoostedTrees(Objective.RANK, [few], Boosting(top=8), seed=0)
    margins = [base.score(few[0])]
    helped = BoostedTrees(Objective.RANK, [few], Boosting(top=8), seed=0, margins=margins)
    score = helped.score(unseen[0], base.score(unseen[0]))
    assert rank_correlation(score, unseen[1]) > rank_correlation(alone.score(unseen[0]), unseen[1])


def test_the_same_data_and_seed_give_the_same_trees() -> None:
    one, two = (
        BoostedTrees(Objective.RANK, [data(100)], Boosting(top=32), seed=5).score(data(50, 1)[0])
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


def test_recall_of_the_top() -> None:
    speed = np.array([1.0, 0.8, 0.6, 0.4], dtype=np.float32)
    assert average_recall(speed, speed, top=4) == 1
    assert average_recall(speed, -speed, top=2) == 0
    # The first place is right, then one of two, two of three, all of four.
    scores = np.array([4.0, 1.0, 3.0, 2.0], dtype=np.float32)
    assert average_recall(speed, scores, top=4) == pytest.approx((1 + 1 / 2 + 2 / 3 + 1) / 4)


def test_speeds_are_relative_and_failures_stand_still() -> None:
    np.testing.assert_allclose(speeds(np.array([2.0, np.nan, 4.0])), [1.0, 0.0, 0.5])
    np.testing.assert_array_equal(speeds(np.array([np.nan, np.nan])), [0.0, 0.0])


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dgtl_ray\[baselines\]'"):
        BoostedTrees(Objective.RANK, [data(10)], Boosting(top=4), seed=0)
