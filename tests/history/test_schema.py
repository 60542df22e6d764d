from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history import SCHEMA, SCHEMA_VERSION, ParquetHistory
from dgtl_ray.history.columns import COLUMNS, columns_as_markdown
from dgtl_ray.history.rows import to_table
from dgtl_ray.testing.measurements import example_measurement

DOCS = Path(__file__).parents[2] / "docs" / "history.md"


def test_schema_has_a_column_for_each_field_of_a_measurement() -> None:
    names = [field.name for field in fields(Measurement)]
    assert SCHEMA.names == ["measurement_id", *names]


def test_nullable_columns_are_the_optional_fields() -> None:
    optional = {field.name for field in fields(Measurement) if "None" in str(field.type)}
    assert {field.name for field in SCHEMA if field.nullable} == optional


def test_device_column_has_the_fields_of_a_descriptor() -> None:
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    expected = [(field.name, kinds[field.type]) for field in fields(DeviceDescriptor)]  # type: ignore[index]
    assert [(child.name, child.type) for child in SCHEMA.field("device").type] == expected


def test_docs_explain_every_column() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert columns_as_markdown() in text
    assert f"Schema version {SCHEMA_VERSION}." in text
    assert all(column.meaning for column in COLUMNS)


def test_another_schema_version_is_refused_by_name(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    history.append([example_measurement()])
    newer = SCHEMA.empty_table().replace_schema_metadata({"dgtl_ray.schema_version": "99"})
    pq.write_table(newer, tmp_path / "newer.parquet")
    with pytest.raises(InputError, match=r"newer\.parquet .* version 99, .* version 1: use"):
        history.scan()


def test_a_file_from_before_a_column_was_added_is_read(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    row = example_measurement(core_clock_mhz=1980.0, temperature_c=41.0)
    older = to_table([row]).drop_columns(["core_clock_mhz", "memory_clock_mhz", "temperature_c"])
    pq.write_table(older, tmp_path / "older.parquet")
    newer = example_measurement(trial=1, core_clock_mhz=1980.0, temperature_c=41.0)
    history.append([newer])
    assert history.measurements() == [example_measurement(), newer]
    assert history.compact() == 2
    assert history.measurements() == [example_measurement(), newer]
