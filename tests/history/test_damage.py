import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgtl_ray.history import ParquetHistory
from dgtl_ray.testing.measurements import example_measurement


@pytest.fixture
def history(tmp_path: Path) -> ParquetHistory:
    """Three batches of one row each."""
    history = ParquetHistory(str(tmp_path / "history"))
    for trial in range(3):
        history.append([example_measurement(trial)])
    return history


def files(history: ParquetHistory) -> list[Path]:
    return sorted(Path(history.uri).glob("*.parquet"))


def assert_only_first_is_skipped(history: ParquetHistory, log: pytest.LogCaptureFixture) -> None:
    torn = files(history)[0]
    with log.at_level(logging.WARNING):
        assert [row.trial for row in history.measurements()] == [1, 2]
    assert [file.path for file in history.skipped] == [str(torn)]
    assert torn.name in log.text


@pytest.mark.parametrize("kept_bytes", [0, 1, 100, -1])
def test_torn_file_is_named_and_left_out(
    history: ParquetHistory, kept_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = files(history)[0]
    first.write_bytes(first.read_bytes()[:kept_bytes])
    assert_only_first_is_skipped(history, caplog)


def test_file_with_flipped_bits_is_named_and_left_out(
    history: ParquetHistory, caplog: pytest.LogCaptureFixture
) -> None:
    first = files(history)[0]
    data = bytearray(first.read_bytes())
    for place in range(30, 60):  # within the first column's first pages; the footer is sound
        data[place] ^= 0xFF
    first.write_bytes(data)
    assert_only_first_is_skipped(history, caplog)


def test_parquet_of_others_is_named_and_left_out(
    history: ParquetHistory, caplog: pytest.LogCaptureFixture
) -> None:
    pq.write_table(pa.table({"x": [1]}), files(history)[0])
    assert_only_first_is_skipped(history, caplog)
    assert "no history wrote it" in history.skipped[0].reason


def test_skipped_is_of_the_latest_scan(history: ParquetHistory) -> None:
    first = files(history)[0]
    whole = first.read_bytes()
    first.write_bytes(b"torn")
    history.scan()
    assert len(history.skipped) == 1
    first.write_bytes(whole)
    assert history.scan().num_rows == 3
    assert not history.skipped


def test_files_that_are_being_written_are_not_read(history: ParquetHistory) -> None:
    for name in (".half.parquet.tmp", ".half.parquet", "_half.parquet", "notes.txt"):
        (Path(history.uri) / name).write_bytes(b"half")
    assert history.scan().num_rows == 3
    assert history.skipped == ()


def test_compaction_leaves_damaged_files_where_they_are(history: ParquetHistory) -> None:
    first = files(history)[0]
    first.write_bytes(b"torn")
    assert history.compact() == 2
    assert first.exists()
    assert len(files(history)) == 2
    assert [row.trial for row in history.measurements()] == [1, 2]
