"""A history at a glance, checked, and several as one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import (
    STATISTICS_COLUMNS,
    ParquetHistory,
    check_history,
    merge,
    statistics,
)
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
