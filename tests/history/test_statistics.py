"""A history at a glance, checked, and several as one."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.function import Objective
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.history import (
    STATISTICS_COLUMNS,
    ParquetHistory,
    check_history,
    merge,
    statistics,
)
from dgtl_ray.history.objectives import metric_of, objective_of
from dgtl_ray.testing.measurements import example_measurement

FAILED: dict[str, Any] = {
    "status": Status.BUILD_ERROR,
    "error": "no",
    "repeats_s": (),
    "cost_s": None,
}


def test_statistics_count_what_there_is(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    fast, slow = (example_measurement(k, cost_s=cost_s) for k, cost_s in enumerate((1e-3, 3e-3)))
    failed = replace(example_measurement(2, run_id="other"), **FAILED)
    elsewhere = example_measurement(3, device_key="cpu/other/64", workload_key="b", task="b")
    history.append([fast, slow, failed, elsewhere])
    told = statistics(history.scan(columns=STATISTICS_COLUMNS))
    assert (told.rows, told.tasks, told.runs, len(told.devices)) == (4, 2, 2, 2)
    assert told.statuses == {"ok": 3, "build_error": 1}
    assert told.facts()["failed"] == 1
    assert told.build_s == pytest.approx(
        sum(row.build_s for row in (fast, slow, failed, elsewhere))
    )
    (first,) = (row for row in told.fastest if row["task"] == fast.task)
    assert first["best (ms)"] == pytest.approx(1.0)
    assert first["slowest (ms)"] == pytest.approx(3.0)
    assert (first["trials"], first["failed"]) == (3, 1)


def test_targets_of_one_device_have_their_own_fastest(tmp_path: Path) -> None:
    old, new = '{"kind": "llvm", "mcpu": "znver2"}', '{"kind": "llvm", "mcpu": "znver4"}'
    history = ParquetHistory(str(tmp_path))
    history.append([example_measurement(0, target=old, cost_s=0.004)])
    (row,) = statistics(history.scan(columns=STATISTICS_COLUMNS)).fastest
    assert "target" not in row
    history.append([example_measurement(1, target=new, cost_s=0.001)])
    rows = statistics(history.scan(columns=STATISTICS_COLUMNS)).fastest
    assert [(row["target"], row["best (ms)"]) for row in rows] == [(old, 4.0), (new, 1.0)]


def row_of(trial: int, objective: Objective, value: float, **changes: Any) -> Measurement:
    metrics = {"other": 3.0, objective.metric: value}
    cost_s = objective.cost_of(value)
    return example_measurement(trial, cost_s=cost_s, metrics=metrics, **changes)


def test_a_metric_that_is_no_time_is_told_as_itself(tmp_path: Path) -> None:
    speed = Objective(metric="gflops", mode="max")
    history = ParquetHistory(str(tmp_path))
    of_speed = {"task": "kernel", "workload_key": "kernel"}
    history.append([row_of(k, speed, 10.0 + k, **of_speed) for k in range(3)])
    history.append([example_measurement(3)])
    kernel, conv = sorted(
        statistics(history.scan(columns=STATISTICS_COLUMNS)).fastest,
        key=lambda row: row["task"] != "kernel",
    )
    assert (kernel["best (ms)"], kernel["slowest (ms)"]) == (None, None)
    assert (kernel["objective"], kernel["best"], kernel["worst"]) == ("max gflops", 12.0, 10.0)
    assert (conv["best (ms)"], conv["objective"], conv["best"]) == (2.0, "min latency_s", None)
    assert list(kernel) == list(conv)


def test_costs_that_no_metric_explains_have_no_unit(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.append([example_measurement(0, cost_s=0.5, metrics={"other": 7.0})])
    (row,) = statistics(history.scan(columns=STATISTICS_COLUMNS)).fastest
    assert (row["objective"], row["best"], row["best (ms)"]) == ("cost (no unit)", 0.5, None)


@pytest.mark.parametrize(
    "objective",
    [
        Objective(),
        Objective(metric="epoch_s"),
        Objective(metric="loss"),
        Objective(metric="gflops", mode="max"),
        Objective(metric="latency_s", mode="max"),
    ],
)
@given(values=st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=5, unique=True))
def test_the_objective_is_found_by_what_costs_are_made_of(
    objective: Objective, values: list[float]
) -> None:
    told = [
        (objective.cost_of(value), {"none": nan, "huge": 1e308, objective.metric: value})
        for value in values
    ]
    assert objective_of(told) == objective
    costs = np.array([cost for cost, _ in told])
    assert metric_of(objective, costs) == pytest.approx(np.array(values), rel=1e-9)


def test_statistics_of_nothing(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    told = statistics(history.scan(columns=STATISTICS_COLUMNS))
    assert told.rows == 0
    assert told.first == ""


def test_a_sound_history_is_called_so(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.append([example_measurement(0), replace(example_measurement(1), **FAILED)])
    assert check_history(history).ok


def test_what_breaks_a_promise_is_counted(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.append(
        [
            example_measurement(0, cost_s=-1.0),
            replace(example_measurement(1), **{**FAILED, "error": ""}),
            replace(example_measurement(2), **{**FAILED, "cost_s": 1.0}),
            example_measurement(3, build_s=-1.0),
        ]
    )
    assert check_history(history).broken == {
        "ok, without a positive finite cost_s": 1,
        "failed, with a cost_s": 1,
        "failed, without an error": 1,
        "a negative duration": 1,
    }


def test_damage_is_found(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.append([example_measurement(0)])
    history.append([example_measurement(1)])
    first = sorted(tmp_path.glob("*.parquet"))[0]
    first.write_bytes(first.read_bytes()[:50])
    found = check_history(history)
    assert (found.ok, found.rows, len(found.damaged)) == (False, 1, 1)


def test_merging_adds_each_measurement_once(tmp_path: Path) -> None:
    first, second, whole = (str(tmp_path / name) for name in ("first", "second", "whole"))
    rows = [example_measurement(k) for k in range(3)]
    ParquetHistory(first).append(rows[:2])
    ParquetHistory(second).append(rows[1:])
    merged = merge([first, second], whole)
    assert (merged.added, merged.known) == (3, 1)
    assert merge([first], whole).added == 0
    assert ParquetHistory(whole).measurements() == rows
    with pytest.raises(InputError, match="into itself"):
        merge([whole], f"{whole}/")
    with pytest.raises(InputError, match="no history at"):
        merge([str(tmp_path / "missing")], whole)
