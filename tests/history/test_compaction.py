from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory, compaction, merge, row_filter
from dgtl_ray.history.files import add_file
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.rows import to_table
from dgtl_ray.testing.measurements import example_measurement

BATCHES = 6


@pytest.fixture
def history(tmp_path: Path) -> ParquetHistory:
    """Six batches of two rows."""
    history = ParquetHistory(str(tmp_path / "history"))
    for batch in range(BATCHES):
        history.append([example_measurement(2 * batch), example_measurement(2 * batch + 1)])
    return history


def files(history: ParquetHistory) -> list[Path]:
    return sorted(Path(history.uri).glob("*.parquet"))


def test_merges_files_and_keeps_rows(history: ParquetHistory) -> None:
    before = history.measurements()
    assert history.compact() == BATCHES
    assert len(files(history)) == 1
    assert history.measurements() == before
    assert history.compact() == 0


def test_merged_file_is_large_enough_to_be_left_alone(
    history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.compact()
    monkeypatch.setattr(compaction, "_SMALL_BYTES", files(history)[0].stat().st_size)
    merged = files(history)[0]
    for trial in (100, 101):
        history.append([example_measurement(trial)])
    assert history.compact() == 2
    assert merged in files(history)
    assert history.scan().num_rows == 2 * BATCHES + 2


def test_what_a_later_program_wrote_is_not_lost(history: ParquetHistory, tmp_path: Path) -> None:
    later = Path(history.uri) / "later.parquet"
    row = to_table([example_measurement(100)])
    pq.write_table(row.append_column("humidity", pa.array([0.5])), later)
    before = history.measurements()
    assert len(before) == 2 * BATCHES + 1
    with pytest.raises(InputError, match=r"later\.parquet has columns .*: humidity; use"):
        merge([history.uri], str(tmp_path / "merged"))
    assert not (tmp_path / "merged").exists()
    assert history.compact() == BATCHES
    assert "humidity" in pq.read_schema(later).names
    assert history.measurements() == before


def test_groups_are_bounded(history: ParquetHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = max(file.stat().st_size for file in files(history))
    monkeypatch.setattr(compaction, "_MERGED_BYTES", 2 * largest)
    assert history.compact() == BATCHES
    assert len(files(history)) == BATCHES // 2
    assert history.scan().num_rows == 2 * BATCHES


def test_rows_count_once_while_they_are_in_two_files(
    history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the process dies between the merged file and the end of the small ones."""
    monkeypatch.setattr(Folder, "delete", lambda self, names: None)
    history.compact()
    assert len(files(history)) == BATCHES + 1
    assert [row.trial for row in history.measurements()] == list(range(2 * BATCHES))
    assert history.scan(where=row_filter(trial=3), columns=["trial"]).num_rows == 1
    assert history.summary()[0]["trials"] == 2 * BATCHES


def test_reader_lists_again_when_files_vanish(
    history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Folder.sizes_bytes
    merges: list[int] = []

    def list_then_merge(folder: Folder) -> dict[str, int]:
        names = listed(folder)
        if not merges:
            merges.append(0)
            merges[0] = ParquetHistory(history.uri).compact()
        return names

    monkeypatch.setattr(Folder, "sizes_bytes", list_then_merge)
    assert [row.trial for row in history.measurements()] == list(range(2 * BATCHES))
    assert merges == [BATCHES]


def test_two_that_merge_at_once_lose_nothing(
    history: ParquetHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second merges all after the first has read, and before it writes."""
    second: list[int] = []

    def merge_first(folder: Folder, table: Any) -> None:
        if not second:
            second.append(0)
            second[0] = ParquetHistory(history.uri).compact()
        add_file(folder, table)

    monkeypatch.setattr(compaction, "add_file", merge_first)
    history.compact()
    assert second == [BATCHES]
    assert len(files(history)) == 2
    assert [row.trial for row in history.measurements()] == list(range(2 * BATCHES))
