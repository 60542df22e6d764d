from collections.abc import Sequence
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.core.measurement import Measurement, Stage, Status, TimedIn
from dgtl_ray.history import BestConfig, select_best
from dgtl_ray.testing.measurements import example_measurement

TARGET = example_measurement().target
DEVICE = example_measurement().device_key


def best(rows: Sequence[Measurement], space_key: str | None = None) -> BestConfig | None:
    return select_best(
        rows, workload_key="workload", device_key=DEVICE, target=TARGET, space_key=space_key
    )


def measured(
    costs_s: Sequence[tuple[str, float]], stage: Stage = Stage.SEARCH, first: int = 0
) -> list[Measurement]:
    """Rows of (configuration, latency), trials numbered from `first`."""
    return [
        example_measurement(first + number, config=config, cost_s=cost_s, stage=stage)
        for number, (config, cost_s) in enumerate(costs_s)
    ]


def test_the_fastest_wins() -> None:
    rows = measured([("a", 3.0), ("b", 2.0), ("", 4.0)])
    assert best(rows) == BestConfig(config="b", latency_s=2.0, measurement_ids=("run-1",))


def test_no_ok_row_no_winner() -> None:
    assert best([]) is None
    assert best([example_measurement(status=Status.BUILD_ERROR)]) is None


def test_a_configuration_counts_by_its_median() -> None:
    rows = measured([("lucky", 1.0), ("lucky", 5.0), ("lucky", 6.0), ("steady", 4.0)])
    winner = best(rows)
    assert winner is not None
    assert winner.config == "steady"
    repeated = best(rows[:3])
    assert repeated == BestConfig(
        config="lucky", latency_s=5.0, measurement_ids=("run-0", "run-1", "run-2")
    )


def test_confirmation_decides() -> None:
    searched = measured([("lucky", 1.0), ("steady", 1.1), ("slow", 9.0)])
    again = [("lucky", 1.6), ("steady", 1.2), ("lucky", 1.5), ("steady", 1.3)]
    confirmed = measured(again, Stage.CONFIRM, first=3)
    assert best(searched + confirmed) == BestConfig(
        config="steady", latency_s=1.25, measurement_ids=("run-4", "run-6")
    )


def test_one_that_was_passed_over_cannot_win_by_luck() -> None:
    """Not among the best at first sight, and so never timed again."""
    searched = measured([("a", 1.0), ("b", 1.1), ("passed over", 1.2)])
    confirmed = measured([("a", 1.4), ("b", 1.3)], Stage.CONFIRM, first=3)
    winner = best(searched + confirmed)
    assert winner is not None
    assert winner.config == "b"


def test_one_found_later_and_faster_wins_unconfirmed() -> None:
    rows = measured([("a", 1.0), ("b", 1.1)])
    rows += measured([("a", 1.4), ("b", 1.3)], Stage.CONFIRM, first=2)
    rows += measured([("later", 0.7)], first=4)
    winner = best(rows)
    assert winner is not None
    assert winner.config == "later"


def test_wrong_results_are_never_forgiven() -> None:
    wrong = example_measurement(9, config="wrong", status=Status.WRONG_RESULT)
    rows = measured([("wrong", 1.0), ("right", 2.0)])
    winner = best([*rows, wrong])
    assert winner is not None
    assert winner.config == "right"
    assert best([rows[0], wrong]) is None


def test_failing_when_confirmed_is_out_and_failing_before_is_not() -> None:
    rows = measured([("a", 1.0), ("b", 2.0)])
    hung = example_measurement(8, config="a", status=Status.RUN_TIMEOUT)
    before = best([*rows, hung])
    confirmed = best([*rows, replace(hung, stage=Stage.CONFIRM)])
    assert before is not None
    assert confirmed is not None
    assert (before.config, confirmed.config) == ("a", "b")


def test_rows_of_other_tasks_devices_and_targets_do_not_count() -> None:
    others = [
        example_measurement(1, cost_s=0.1, workload_key="other"),
        example_measurement(2, cost_s=0.1, device_key="other"),
        example_measurement(3, cost_s=0.1, target="other"),
    ]
    own = example_measurement(4, cost_s=1.0)
    assert best(others) is None
    winner = best([*others, own])
    assert winner is not None
    assert winner.measurement_ids == (own.measurement_id,)


def test_configurations_of_another_space_do_not_count_but_the_default_does() -> None:
    rows = [
        example_measurement(0, config="old", cost_s=1.0, space_key="old space"),
        example_measurement(1, config="", cost_s=2.0, space_key="old space"),
        example_measurement(2, config="new", cost_s=3.0),
    ]
    winner = best(rows, space_key="space")
    assert winner is not None
    assert winner.config == ""
    anywhere = best(rows)
    assert anywhere is not None
    assert anywhere.config == "old"


ROWS = st.builds(
    lambda config, cost_s, stage, status: {
        "config": config,
        "stage": stage,
        "status": status,
        "cost_s": cost_s if status is Status.OK else None,
    },
    config=st.sampled_from("abc"),
    cost_s=st.sampled_from([1.0, 1.1, 2.0]),
    stage=st.sampled_from([Stage.SEARCH, Stage.CONFIRM]),
    status=st.sampled_from([Status.OK, Status.OK, Status.RUN_ERROR, Status.WRONG_RESULT]),
)


@given(st.lists(ROWS, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(changes: list[dict[str, object]], random: Random) -> None:
    rows = [example_measurement(trial, **change) for trial, change in enumerate(changes)]
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert best(shuffled) == best(rows)


def test_times_in_the_network_come_before_times_alone() -> None:
    searched = [
        example_measurement(0, config="a", cost_s=1.0, passed_bytes=9),
        example_measurement(1, config="b", cost_s=1.1, passed_bytes=9),
    ]
    inside = [
        example_measurement(
            2 + k, config=config, cost_s=cost_s, stage=Stage.CONFIRM, timed_in=TimedIn.NETWORK
        )
        for k, (config, cost_s) in enumerate([("a", 2.0), ("b", 1.9)])
    ]
    alone = measured([("a", 1.2), ("b", 1.3), ("c", 0.5)], Stage.CONFIRM, first=4)
    winner = best([*searched, *inside, *alone])
    assert winner == BestConfig(config="b", latency_s=1.9, measurement_ids=("run-3",))


def test_first_sights_with_warm_caches_do_not_count_beside_newer_ones() -> None:
    warm = measured([("a", 1.0)])
    newer = [example_measurement(1, config="b", cost_s=1.5, passed_bytes=9)]
    winner = best([*warm, *newer])
    assert winner is not None
    assert winner.config == "b"
    assert best(warm) is not None
