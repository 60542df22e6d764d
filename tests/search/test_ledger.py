import numpy as np
import pytest

from dgtl_ray.core.measurement import Status
from dgtl_ray.search.ledger import Ledger

ROWS = np.array([[0, 1], [0, 2], [1, 0], [1, 1]], dtype=np.int32)
OK = Status.OK


def test_ranks_by_median_and_leaves_failures_out() -> None:
    ledger = Ledger()
    status = [OK, OK, Status.BUILD_ERROR, OK]
    ledger.record(ROWS, np.array([3.0, 1.0, np.nan, 0.5]), status, np.ones(4))
    ledger.record(ROWS[1:2], np.array([9.0]), [OK], np.ones(1))
    ledger.record(ROWS[3:], np.array([np.nan]), [Status.WRONG_RESULT], np.ones(1))
    rows, cost_s = ledger.ranked()
    assert rows.tolist() == [[0, 1], [0, 2]]
    assert cost_s.tolist() == [3.0, 5.0]


def test_time_spent_counts_failures_too() -> None:
    ledger = Ledger()
    ledger.reserve(ROWS[3:])
    ledger.record(ROWS[:2], np.array([1.0, np.nan]), [OK, Status.RUN_ERROR], np.array([2.0, 7.0]))
    ledger.record(ROWS[:1], np.array([1.0]), [OK], np.array([4.0]))
    rows, spent_s = ledger.spent()
    assert rows.tolist() == [[0, 1], [0, 2]]
    assert spent_s.tolist() == [3.0, 7.0]


@pytest.mark.parametrize("cost_s", [np.nan, np.inf, 0.0, -1.0])
def test_an_ok_without_a_latency_is_a_failure(cost_s: float) -> None:
    ledger = Ledger()
    ledger.record(ROWS[:1], np.array([cost_s]), [OK], np.ones(1))
    assert len(ledger.ranked()[0]) == 0
    assert len(ledger) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("failure", "ranked"),
    [(Status.RUN_ERROR, 1), (Status.RUN_TIMEOUT, 1), (Status.WRONG_RESULT, 0)],
)
def test_what_ran_when_it_was_tried_again_has_not_failed(
    order: tuple[int, int], failure: Status, ranked: int
) -> None:
    """In whatever order that is told; a wrong result is never forgiven."""
    ledger = Ledger()
    told = [(np.nan, failure), (2.0, OK)]
    for cost_s, status in (told[k] for k in order):
        ledger.record(ROWS[:1], np.array([cost_s]), [status], np.ones(1))
    assert (len(ledger.ranked()[0]), len(ledger.failed())) == (ranked, 1 - ranked)
    assert len(ledger.pending()) == 0


def test_unknown_rows_come_once_in_their_order() -> None:
    ledger = Ledger()
    ledger.reserve(ROWS[1:2])
    assert ledger.unknown(ROWS[[2, 0, 1, 2, 0]]).tolist() == [[1, 0], [0, 1]]
    assert ledger.unknown(ROWS[:0]).shape == (0, 2)


def test_rows_of_another_integer_type_are_the_same_rows() -> None:
    ledger = Ledger()
    ledger.record(ROWS.astype(np.int64), np.ones(4), [OK] * 4, np.ones(4))
    assert len(ledger.unknown(ROWS)) == 0


def test_observations_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="observed 4 rows with 3 costs, 4 statuses and 4 times"):
        Ledger().record(ROWS, np.ones(3), [OK] * 4, np.ones(4))
