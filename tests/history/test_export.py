import os
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import SCHEMA, ParquetHistory, export, plain_copy
from dgtl_ray.history.columns import columns_as_markdown
from dgtl_ray.testing.measurements import example_measurement


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Ten rows, the last of them failed, in two batches."""
    history = ParquetHistory(str(tmp_path / "history"))
    history.append([example_measurement(trial, cost_s=(trial + 1) / 1000) for trial in range(9)])
    history.append([example_measurement(9, status=Status.BUILD_TIMEOUT)])
    return history.uri


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "out"


def test_pandas_reads_it(uri: str, out: Path) -> None:
    export(uri, str(out))
    frame = pd.read_parquet(out / "measurements-000.parquet")
    assert list(frame.columns) == SCHEMA.names
    assert frame["cost_s"].count() == 9
    assert frame["device"].iloc[0]["cores"] == 2
    assert str(frame["created_at"].dt.tz) == "UTC"
    assert len(pd.read_parquet(out)) == 10


def test_polars_reads_it(uri: str, out: Path) -> None:
    export(uri, str(out))
    frame = pl.read_parquet(out / "*.parquet")
    assert frame.columns == SCHEMA.names
    fast = frame.filter(pl.col("cost_s") < 0.0045)
    assert fast["trial"].to_list() == [0, 1, 2, 3]
    assert fast["encoding"][0].to_list() == [1.0, 0.5]
    assert frame["device"].struct.field("vendor").unique().to_list() == ["intel"]


def test_duckdb_reads_it(uri: str, out: Path) -> None:
    export(uri, str(out))
    query = f"""
        SELECT count(*), count(cost_s), max(len(repeats_s)), min(toolchain['tvm']),
               sum(device.cores), max(arg_shapes[1][2])
        FROM '{out}/*.parquet'
    """
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == [(10, 9, 1, "0.27.0", 20, 56)]


def test_exports_what_the_condition_admits(uri: str, out: Path) -> None:
    report = export(uri, str(out), "status == 'ok' and cost_s >= 0.008")
    assert (report.rows, report.files) == (2, 1)
    assert report.size_bytes == (out / "measurements-000.parquet").stat().st_size
    assert str(report).startswith("2 rows")
    assert pl.read_parquet(out / "*.parquet")["trial"].to_list() == [7, 8]
    assert "Only rows where `status == 'ok' and cost_s >= 0.008`." in readme(out)


def test_export_of_no_rows_still_has_the_columns(uri: str, out: Path) -> None:
    assert export(uri, str(out), "trial < 0").rows == 0
    assert pl.read_parquet(out / "*.parquet").columns == SCHEMA.names


def test_readme_explains_the_columns(uri: str, out: Path) -> None:
    export(uri, str(out))
    assert "10 measurements in 1 Parquet file(s)" in readme(out)
    assert "All rows of the history." in readme(out)
    assert columns_as_markdown() in readme(out)


def test_an_export_is_a_history_too(uri: str, out: Path) -> None:
    export(uri, str(out))
    assert ParquetHistory(str(out)).measurements() == ParquetHistory(uri).measurements()


def test_damaged_files_are_named(uri: str, out: Path) -> None:
    first = min(Path(uri).glob("*.parquet"))
    first.write_bytes(b"torn")
    report = export(uri, str(out))
    assert report.rows == 1
    assert report.skipped == (str(first),)
    assert f"left out, damaged: {first}" in str(report)


def test_empty_folder_is_taken_and_a_used_one_refused(uri: str, out: Path) -> None:
    out.mkdir(parents=True)
    export(uri, str(out))
    before = sorted(out.iterdir())
    with pytest.raises(InputError, match="exists already: name a new or empty folder"):
        export(uri, str(out))
    assert sorted(out.iterdir()) == before


@pytest.mark.parametrize("where", ["colour == 'red'", "status ="])
def test_bad_condition_writes_nothing(uri: str, out: Path, where: str) -> None:
    with pytest.raises(InputError):
        export(uri, str(out), where)
    assert not out.parent.exists()


def test_failed_export_leaves_nothing_behind(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(path: Path, target: Path) -> None:
        raise OSError(28, f"No space left on device: {os.fspath(target)}")

    monkeypatch.setattr(Path, "rename", no_space)
    with pytest.raises(InputError, match=r"cannot write .*No space left.*; choose another folder"):
        export(uri, str(out))
    assert list(out.parent.iterdir()) == []


def test_large_files_are_copied(uri: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_copy, "_LARGE_BYTES", 1)
    assert export(uri, str(out)).files == 2
    copied, given = (sorted(Path(folder).glob("*.parquet")) for folder in (out, uri))
    assert [file.read_bytes() for file in copied] == [file.read_bytes() for file in given]
    assert "10 measurements in 2 Parquet file(s)" in readme(out)


def test_a_page_that_is_damaged_is_not_copied(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_copy, "_LARGE_BYTES", 1)
    first = min(Path(uri).glob("*.parquet"))
    data = bytearray(first.read_bytes())
    data[len(data) // 8] ^= 1
    first.write_bytes(data)
    report = export(uri, str(out))
    assert (report.rows, report.skipped) == (1, (str(first),))


def test_rows_that_are_in_two_files_are_written_once(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_copy, "_LARGE_BYTES", 1)
    ParquetHistory(uri).append(ParquetHistory(uri).measurements())
    assert (export(uri, str(out)).rows, export(uri, str(out / "ok"), "trial < 9").rows) == (10, 9)
    assert len(pl.read_parquet(out / "*.parquet")) == 10


def test_many_rows_are_written_as_they_come(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_copy, "_SORTED_ROWS", 2)
    assert export(uri, str(out), "status == 'ok' and trial > 1").rows == 7
    assert {row.trial for row in ParquetHistory(str(out)).measurements()} == set(range(2, 9))
    assert pl.read_parquet(out / "*.parquet").columns == SCHEMA.names


def readme(out: Path) -> str:
    return (out / "_README.md").read_text(encoding="utf-8")
