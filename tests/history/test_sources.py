from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.knowledge import SourceTask
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.history import (
    ParquetHistory,
    SourceKey,
    SourceQuery,
    read_sources,
    why_unusable,
    why_unusable_for_function,
)
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement

QUERY = SourceQuery(kind="cpu", columns=2)
OTHER = replace(EXAMPLE_DEVICE, cores=64)


def row(trial: int, key: str = "a", cost_s: float = 1e-3, **changes: Any) -> Measurement:
    return example_measurement(
        trial, workload_key=key, cost_s=cost_s, encoding=(float(trial), cost_s), **changes
    )


def sources(tmp_path: Path, rows: list[Measurement], query: SourceQuery) -> list[SourceTask]:
    store = ParquetHistory(str(tmp_path))
    store.append(rows)
    return list(read_sources([store], query))


def test_each_task_on_each_device_is_one_source(tmp_path: Path) -> None:
    far: dict[str, Any] = {"device_key": OTHER.key, "device": OTHER.as_dict()}
    rows = [row(0), row(1, "b", 2e-3), row(2, cost_s=3e-3), row(3, **far)]
    near, away, other = sources(tmp_path, rows, QUERY)
    assert [s.task_key for s in (near, away, other)] == ["a", "a", "b"]
    assert (near.device, away.device) == (EXAMPLE_DEVICE, OTHER)
    assert near.cost_s.tolist() == [1e-3, 3e-3]
    assert near.encoding.tolist() == np.array([[0, 1e-3], [2, 3e-3]], np.float32).tolist()
    assert "resnet18 fused_conv2d on example" in near.name


def test_what_is_tuned_is_no_source(tmp_path: Path) -> None:
    """Its rows are observations; the same task on another device is a source."""
    far: dict[str, Any] = {"device_key": OTHER.key, "device": OTHER.as_dict()}
    query = replace(QUERY, own={SourceKey("a", EXAMPLE_DEVICE.key, row(0).target)})
    (source,) = sources(tmp_path, [row(0), row(1, **far)], query)
    assert source.device == OTHER


def test_generations_that_share_a_name_are_two_sources_and_told_apart(tmp_path: Path) -> None:
    """Of what is tuned, too: times of the other generation are not its own."""
    older, newer = '{"mcpu": "znver4"}', '{"mcpu": "znver5"}'
    rows = [row(0, target=older), row(1, target=newer), row(2, cost_s=2e-3, target=newer)]
    first, second = sources(tmp_path, rows, QUERY)
    assert (first.cost_s.tolist(), second.cost_s.tolist()) == ([1e-3], [1e-3, 2e-3])
    assert second.name == f"{first.name} (2)"
    own = SourceKey("a", EXAMPLE_DEVICE.key, newer)
    (other,) = sources(tmp_path, [], replace(QUERY, own={own}))
    assert other.cost_s.tolist() == [1e-3]


def test_rows_that_no_model_can_use_are_left_out(tmp_path: Path) -> None:
    gpu = {**EXAMPLE_DEVICE.as_dict(), "kind": "cuda"}
    rows = [
        row(0, stage=Stage.CONFIRM),
        replace(row(1), config="", encoding=(), stage=Stage.DEFAULT),
        replace(row(2), encoding=(1.0, 2.0, 3.0)),
        row(3, device_key="cuda/example/2", device=gpu),
    ]
    assert sources(tmp_path, rows, QUERY) == []
    assert why_unusable([ParquetHistory(str(tmp_path))], QUERY) == (
        "4 rows: 1 of other kinds of target, 2 not chosen by a search, 1 encoded in other columns"
    )


def test_rows_that_no_function_can_learn_from_are_counted(tmp_path: Path) -> None:
    function: dict[str, Any] = {"target": FUNCTION_TARGET}
    rows = [row(0), row(1, **function), row(2, **function), row(3, "b", **function)]
    store = ParquetHistory(str(tmp_path))
    store.append(rows)
    own = SourceKey("a", EXAMPLE_DEVICE.key, FUNCTION_TARGET)
    assert why_unusable_for_function([store, store], own) == (
        "4 rows: 1 of networks, 2 of the very function and device that are tuned,"
        " 1 with too few of its parameters"
    )


def test_older_rows_count_nothing_in_columns_that_came_later(tmp_path: Path) -> None:
    later = replace(row(1), encoding=(1.0, 2.0, 3.0))
    query = replace(QUERY, columns=3, earlier=(2,))
    (source,) = sources(tmp_path, [row(0), later], query)
    assert source.encoding.tolist() == np.array([[0, 1e-3, 0], [1, 2, 3]], np.float32).tolist()
    # Rows of any other width were told in other columns.
    assert len(sources(tmp_path, [], replace(query, earlier=()))[0].encoding) == 1


def test_failures_are_told(tmp_path: Path) -> None:
    failed = example_measurement(1, workload_key="a", status=Status.RUN_ERROR)
    (source,) = sources(tmp_path, [row(0), failed], QUERY)
    np.testing.assert_array_equal(source.cost_s, [1e-3, np.nan])


def test_files_and_repetitions_change_nothing(tmp_path: Path) -> None:
    rows = [row(k, "ab"[k % 2], 1e-3 * k + 1e-3) for k in range(12)]
    first, second = (ParquetHistory(str(tmp_path / name)) for name in "xy")
    first.append(rows[6:])
    first.append(rows[:4])
    second.append(rows[2:8])
    both, one = read_sources([first, second], QUERY), sources(tmp_path / "z", rows, QUERY)
    for mine, theirs in zip(both, one, strict=True):
        np.testing.assert_array_equal(mine.encoding, theirs.encoding)
        np.testing.assert_array_equal(mine.cost_s, theirs.cost_s)


def test_a_large_history_gives_its_fastest_and_some_of_all(tmp_path: Path) -> None:
    """Small sources are taken whole."""
    rows = [row(k, cost_s=1e-3 * (k + 1)) for k in range(100)]
    rows += [row(100 + k, "b") for k in range(5)]
    large, small = sources(tmp_path, rows, replace(QUERY, most_rows=25, least_rows=10))
    assert (len(large.cost_s), len(small.cost_s)) == (20, 5)
    fastest = {round(1e3 * cost_s) for cost_s in large.cost_s.tolist()}
    assert set(range(1, 11)) <= fastest
    assert max(fastest) > 30


def test_too_many_sources_for_all_to_give_enough_give_the_nearest(tmp_path: Path) -> None:
    far: dict[str, Any] = {"device_key": OTHER.key, "device": OTHER.as_dict()}
    like: dict[str, Any] = {"operator": "dense"}
    rows = [
        row(10 * task + k, f"{task:03}", **(far if task % 2 else {}), **(like if task < 6 else {}))
        for task in range(40)
        for k in range(10)
    ]
    query = replace(
        QUERY,
        least_rows=8,
        device_key=EXAMPLE_DEVICE.key,
        target=rows[0].target,
        operators={"dense"},
    )
    three = sources(tmp_path, rows, replace(query, most_rows=24))
    assert [source.task_key for source in three] == ["000", "002", "004"]
    assert [len(source.cost_s) for source in three] == [8, 8, 8]
    eight = sources(tmp_path, rows, replace(query, most_rows=64))
    alike = {"000", "002", "004", "001", "003", "005"}
    assert sum(source.task_key in alike for source in eight) >= 3
    assert all(source.task_key in alike or source.device == EXAMPLE_DEVICE for source in eight)
    assert len(sources(tmp_path, rows, replace(query, most_rows=1))) == 1
    assert len(sources(tmp_path, rows, replace(query, most_rows=400))) == 40
