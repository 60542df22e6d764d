from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.history.rows import to_measurements, to_table
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT = st.floats(allow_nan=False)
MEASUREMENTS = st.builds(
    Measurement,
    run_id=TEXT,
    trial=INT64,
    network=TEXT,
    task=TEXT,
    operator=TEXT,
    workload_key=TEXT,
    arg_shapes=st.lists(st.lists(INT64, max_size=4).map(tuple), max_size=3).map(tuple),
    arg_dtypes=st.lists(TEXT, max_size=3).map(tuple),
    flop=FLOAT,
    weight=INT64,
    target=TEXT,
    device_key=TEXT,
    device=st.builds(lambda cores: EXAMPLE_DEVICE.as_dict() | {"cores": cores}, INT64),
    toolchain=st.dictionaries(TEXT, TEXT, max_size=3),
    space_key=TEXT,
    config=TEXT,
    encoding=st.lists(st.floats(allow_nan=False, width=32), max_size=5).map(tuple),
    status=st.sampled_from(Status),
    error=TEXT,
    repeats_s=st.lists(FLOAT, max_size=5).map(tuple),
    cost_s=st.none() | FLOAT,
    build_s=FLOAT,
    timing_s=FLOAT,
    proposer=TEXT,
    stage=st.sampled_from(Stage),
    predicted_mean=st.none() | FLOAT,
    predicted_std=st.none() | FLOAT,
    seed=INT64,
    core_clock_mhz=st.none() | FLOAT,
    memory_clock_mhz=st.none() | FLOAT,
    temperature_c=st.none() | FLOAT,
    created_at=st.datetimes(
        min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
    ),
)


@settings(max_examples=50)
@given(st.lists(MEASUREMENTS, max_size=4))
def test_rows_survive_the_way_there_and_back(rows: list[Measurement]) -> None:
    assert to_measurements(to_table(rows)) == rows


def test_time_is_kept_as_utc() -> None:
    local = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    row = replace(example_measurement(), created_at=local)
    (kept,) = to_measurements(to_table([row]))
    assert kept.created_at == local
    assert kept.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": {"name": "half"}}, r"device of measurement run-0 has the fields \['name'\]"),
        ({"device": EXAMPLE_DEVICE.as_dict() | {"colour": "red"}}, "colour"),
        ({"created_at": datetime(2026, 1, 1)}, "without a time zone"),
        ({"seed": 2**70}, "column seed"),
        ({"flop": "many"}, "column flop"),
        ({"network": None}, "column network has no value"),
    ],
)
def test_what_cannot_be_stored_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_table([example_measurement(**changes)])
