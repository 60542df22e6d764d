"""Exports that grow, and CSV: read back by other programs."""

import csv
import json
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
from pyarrow.fs import FileSelector

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import ParquetHistory, append_to_dataset, export_csv, merge, plain_rows
from dgtl_ray.history.schema import require_version
from dgtl_ray.storage import Storage
from dgtl_ray.testing.measurements import example_measurement
from tests.s3 import Bucket

# Of the rows of `history`.
FOLDERS = {
    "kind=llvm/on_device=cpu%2Fexample%2F2",
    "kind=cuda/on_device=cuda%2FNVIDIA%20A100%2F108",
}


@pytest.fixture
def history(tmp_path: Path) -> ParquetHistory:
    """Rows of two targets and devices, one of which failed."""
    store = ParquetHistory(str(tmp_path / "history"))
    rows = [example_measurement(trial, cost_s=1e-3 * (trial + 1)) for trial in range(3)]
    gpu = {"target": '{"kind": "cuda"}', "device_key": "cuda/NVIDIA A100/108"}
    store.append([*rows, example_measurement(3, status=Status.RUN_ERROR, **gpu)])
    return store


def test_a_data_set_grows_without_duplicates(tmp_path: Path, history: ParquetHistory) -> None:
    out = tmp_path / "out"
    first = append_to_dataset(history.uri, str(out), "trial < 2")
    assert (first.added, first.known, first.files) == (2, 0, 1)
    second = append_to_dataset(history.uri, str(out))
    assert (second.added, second.known, second.files) == (2, 2, 2)
    again = append_to_dataset(history.uri, str(out))
    assert (again.added, again.known, again.files) == (0, 4, 0)
    folders = {str(file.parent.relative_to(out)) for file in out.rglob("*.parquet")}
    assert folders == FOLDERS
    for file in out.rglob("*.parquet"):
        require_version(ds.dataset(file).schema, str(file))


@pytest.mark.parametrize("scheme", ["file", "s3"])
def test_a_data_set_at_an_address_has_the_same_folders(
    scheme: str, tmp_path: Path, history: ParquetHistory, request: pytest.FixtureRequest
) -> None:
    out = f"file://{tmp_path}/out"
    if scheme == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        out = bucket.uri(f"{tmp_path.name}/out")
    assert append_to_dataset(history.uri, out).added == 4
    assert append_to_dataset(history.uri, out).known == 4
    storage = Storage(out)
    top = PurePosixPath(storage.path_of(""))
    found = storage.filesystem.get_file_info(FileSelector(str(top), recursive=True))
    files = [PurePosixPath(info.path) for info in found if info.is_file]
    assert {str(file.parent.relative_to(top)) for file in files} == FOLDERS


def test_others_read_the_partitions(tmp_path: Path, history: ParquetHistory) -> None:
    out = tmp_path / "out"
    append_to_dataset(history.uri, str(out))
    kinds = {"llvm": 3, "cuda": 1}
    assert pd.read_parquet(out)["kind"].value_counts().to_dict() == kinds
    told = pl.read_parquet(f"{out}/**/*.parquet", hive_partitioning=True)["kind"].value_counts()
    assert sorted(told.rows()) == sorted(kinds.items())
    query = f"SELECT kind, count(*) FROM read_parquet('{out}/**/*.parquet') GROUP BY kind"
    assert dict(duckdb.sql(query).fetchall()) == kinds
    table = ds.dataset(out, partitioning="hive").to_table(filter=ds.field("kind") == "cuda")
    assert table.column("on_device").to_pylist() == ["cuda/NVIDIA A100/108"]


def test_a_folder_of_other_files_is_refused(tmp_path: Path, history: ParquetHistory) -> None:
    other = tmp_path / "other"
    other.mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(other / "a.parquet")
    with pytest.raises(InputError, match="is no export of a history"):
        append_to_dataset(history.uri, str(other))


def test_csv(tmp_path: Path, history: ParquetHistory) -> None:
    file = tmp_path / "rows.csv"
    assert export_csv(history.uri, str(file), "status == 'ok'").count == 3
    with file.open() as text:
        rows = list(csv.DictReader(text))
    assert [float(row["cost_s"]) for row in rows] == [0.001, 0.002, 0.003]
    assert json.loads(rows[0]["device"])["cores"] == 2
    assert json.loads(rows[0]["toolchain"]) == {"tvm": "0.27.0"}
    assert json.loads(rows[0]["arg_shapes"])[0] == [1, 56, 56, 64]
    assert rows[0]["created_at"] == "2026-03-01T10:15:00Z"
    assert rows[0]["metrics"] == ""
    with pytest.raises(InputError, match="exists already"):
        export_csv(history.uri, str(file))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_numbers_that_are_not_finite_are_null_in_csv(tmp_path: Path) -> None:
    """JSON cannot hold them."""
    told = {"loss": float("nan"), "gain": float("-inf"), "calls": 1.0}
    store = ParquetHistory(str(tmp_path / "history"))
    store.append([example_measurement(0, metrics=told, encoding=(float("nan"), 1.0))])
    export_csv(store.uri, str(tmp_path / "rows.csv"))
    with (tmp_path / "rows.csv").open() as text:
        (row,) = csv.DictReader(text)
    assert json.loads(row["metrics"]) == {"loss": None, "gain": None, "calls": 1.0}
    assert json.loads(row["encoding"]) == [None, 1.0]


def test_many_rows_of_csv_are_written_as_they_come(
    tmp_path: Path, history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_rows, "_SORTED_ROWS", 1)
    monkeypatch.setattr(plain_rows, "_ROWS_AT_ONCE", 2)
    file = tmp_path / "rows.csv"
    assert str(export_csv(history.uri, str(file))) == f"4 rows: {file}"
    with file.open() as text:
        assert sorted(row["trial"] for row in csv.DictReader(text)) == ["0", "1", "2", "3"]


def test_where_no_row_matches_nothing_is_written(tmp_path: Path, history: ParquetHistory) -> None:
    for write in (export_csv, append_to_dataset):
        with pytest.raises(InputError, match="no row matches: there is nothing to export"):
            write(history.uri, str(tmp_path / "out"), "trial < 0")
    assert not (tmp_path / "out").exists()


def test_of_rows_that_are_there_only_the_names_are_read(
    tmp_path: Path, history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(tmp_path / "out")
    append_to_dataset(history.uri, out, "trial < 2")
    read: list[int] = []
    scan = ParquetHistory.scan

    def counting(store: ParquetHistory, **wanted: Any) -> Any:
        table = scan(store, **wanted)
        read.append(table.num_rows if wanted.get("columns") is None else 0)
        return table

    monkeypatch.setattr(ParquetHistory, "scan", counting)
    assert append_to_dataset(history.uri, out).added == 2
    assert append_to_dataset(history.uri, out).added == 0
    assert read == [0, 2, 0]


def test_damaged_files_are_named(tmp_path: Path, history: ParquetHistory) -> None:
    history.append([example_measurement(4)])
    torn = max(Path(history.uri).glob("*.parquet"))
    torn.write_bytes(b"torn")
    told = [
        str(export_csv(history.uri, str(tmp_path / "rows.csv"))),
        str(append_to_dataset(history.uri, str(tmp_path / "out"))),
        str(merge([history.uri], str(tmp_path / "merged"))),
    ]
    assert [text.partition("\n")[2] for text in told] == [f"left out, damaged: {torn}"] * 3
