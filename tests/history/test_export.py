import os
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import (
    SCHEMA,
    ParquetHistory,
    append_to_dataset,
    export,
    partitions,
    plain_rows,
)
from dgtl_ray.history.columns import columns_as_markdown
from dgtl_ray.testing.measurements import example_measurement

# Where the example lies, and what lies elsewhere.
FOLDER = "kind=llvm/on_device=cpu%2Fexample%2F2"
GPU: dict[str, Any] = {"target": '{"kind": "cuda"}', "device_key": "cuda/A100/108"}
GPU_FOLDER = "kind=cuda/on_device=cuda%2FA100%2F108"


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
    frame = pd.read_parquet(out / FOLDER / "measurements-000.parquet")
    assert list(frame.columns) == SCHEMA.names
    assert frame["cost_s"].count() == 9
    assert frame["device"].iloc[0]["cores"] == 2
    assert str(frame["created_at"].dt.tz) == "UTC"
    assert len(pd.read_parquet(out)) == 10


def test_polars_reads_it(uri: str, out: Path) -> None:
    export(uri, str(out))
    frame = pl.read_parquet(out / "**" / "*.parquet", hive_partitioning=False)
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
        FROM '{out}/**/*.parquet'
    """
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == [(10, 9, 1, "0.27.0", 20, 56)]


def test_exports_what_the_condition_admits(uri: str, out: Path) -> None:
    report = export(uri, str(out), "status == 'ok' and cost_s >= 0.008")
    assert (report.rows, report.files) == (2, 1)
    assert report.size_bytes == (out / FOLDER / "measurements-000.parquet").stat().st_size
    assert str(report).startswith("2 rows")
    assert trials(out) == [7, 8]
    assert "Only rows where `status == 'ok' and cost_s >= 0.008`." in readme(out)


@pytest.mark.parametrize("name", ["out", "rows.parquet"])
def test_where_no_row_matches_nothing_is_written(uri: str, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="no row matches: there is nothing to export"):
        export(uri, str(tmp_path / name), "trial < 0")
    assert sorted(tmp_path.iterdir()) == before


def test_rows_that_are_all_damaged_are_told_of(uri: str, out: Path) -> None:
    for file in Path(uri).glob("*.parquet"):
        file.write_bytes(b"torn")
    with pytest.raises(InputError, match=r"nothing to export\nleft out, damaged: .*\.parquet\n"):
        export(uri, str(out))
    assert not out.parent.exists()


def test_rows_lie_by_target_kind_and_device(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large files of one kind and device are copied; those of several are divided."""
    monkeypatch.setattr(plain_rows, "_LARGE_BYTES", 1)
    rows = [example_measurement(10), example_measurement(11, **GPU)]
    ParquetHistory(uri).append(rows)
    ParquetHistory(uri).append([example_measurement(12, **GPU)])
    assert (export(uri, str(out)).rows, trials(out)) == (13, list(range(13)))
    assert trials(out / FOLDER) == list(range(11))
    assert trials(out / GPU_FOLDER) == [11, 12]
    kinds = pd.read_parquet(out)["kind"].value_counts().to_dict()
    assert kinds == {"llvm": 11, "cuda": 2}


def test_an_export_grows_as_a_data_set_does(uri: str, out: Path) -> None:
    export(uri, str(out), "trial < 4")
    grown = append_to_dataset(uri, str(out))
    assert (grown.added, grown.known, trials(out)) == (6, 4, list(range(10)))
    assert {path.parent for path in out.rglob("*.parquet")} == {out / FOLDER}


def test_files_have_a_bounded_length(uri: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_rows, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(partitions, "ROWS_A_FILE", 4)
    assert export(uri, str(out)).files == 3
    assert trials(out) == list(range(10))


def test_a_file_has_all_rows(uri: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    ParquetHistory(uri).append([example_measurement(10, **GPU)])
    report = export(uri, str(file), "trial > 0")
    assert (report.rows, report.files, report.size_bytes) == (10, 1, file.stat().st_size)
    frame = pd.read_parquet(file)
    assert list(frame.columns) == SCHEMA.names
    assert sorted(frame["trial"]) == list(range(1, 11))
    with pytest.raises(InputError, match="exists already: name a new file"):
        export(uri, str(file))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_readme_explains_the_columns(uri: str, out: Path) -> None:
    export(uri, str(out))
    assert "10 measurements in 1 Parquet file(s)" in readme(out)
    assert "All rows of the history." in readme(out)
    assert columns_as_markdown() in readme(out)


def test_a_folder_of_an_export_is_a_history_too(uri: str, out: Path) -> None:
    export(uri, str(out))
    assert ParquetHistory(str(out / FOLDER)).measurements() == ParquetHistory(uri).measurements()


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
    monkeypatch.setattr(plain_rows, "_LARGE_BYTES", 1)
    assert export(uri, str(out)).files == 2
    copied, given = (sorted(Path(folder).glob("*.parquet")) for folder in (out / FOLDER, uri))
    assert [file.read_bytes() for file in copied] == [file.read_bytes() for file in given]
    assert "10 measurements in 2 Parquet file(s)" in readme(out)


def test_a_page_that_is_damaged_is_not_copied(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_rows, "_LARGE_BYTES", 1)
    first = min(Path(uri).glob("*.parquet"))
    data = bytearray(first.read_bytes())
    data[len(data) // 8] ^= 1
    first.write_bytes(data)
    report = export(uri, str(out))
    assert (report.rows, report.skipped) == (1, (str(first),))


def test_rows_that_are_in_two_files_are_written_once(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_rows, "_LARGE_BYTES", 1)
    ParquetHistory(uri).append(ParquetHistory(uri).measurements())
    assert export(uri, str(out)).rows == 10
    assert export(uri, str(out.parent / "ok"), "trial < 9").rows == 9
    assert trials(out) == list(range(10))


def test_many_rows_are_written_as_they_come(
    uri: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_rows, "_SORTED_ROWS", 2)
    assert export(uri, str(out), "status == 'ok' and trial > 1").rows == 7
    assert trials(out) == list(range(2, 9))
    assert columns(out) == SCHEMA.names


def readme(out: Path) -> str:
    return (out / "_README.md").read_text(encoding="utf-8")


def trials(folder: Path) -> list[int]:
    """Of all rows below a folder, sorted."""
    files = sorted(folder.rglob("*.parquet"))
    return sorted(trial for file in files for trial in pd.read_parquet(file)["trial"])


def columns(folder: Path) -> list[str]:
    return pl.read_parquet(folder / "**" / "*.parquet", hive_partitioning=False).columns
