"""A history in an object store: the same conformance cases, and what else users do with one."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.history import HistoryStore, ParquetHistory, export
from dgtl_ray.testing.histories import HistoryConformance
from dgtl_ray.testing.measurements import example_measurement
from tests.s3 import Bucket


class TestS3(HistoryConformance):
    @pytest.fixture(autouse=True)
    def _bucket(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def open(self, root: Path) -> HistoryStore:
        return ParquetHistory(self.bucket.uri(f"{root.name}/history"))


@pytest.fixture
def history(bucket: Bucket, tmp_path: Path) -> ParquetHistory:
    return ParquetHistory(bucket.uri(f"{tmp_path.name}/history"))


def test_small_files_are_merged_beside_readers(history: ParquetHistory) -> None:
    for trial in range(5):
        history.append([example_measurement(trial)])
    assert history.compact() == 5
    assert [row.trial for row in history.measurements()] == list(range(5))
    assert history.compact() == 0


def test_it_is_summed_up(history: ParquetHistory) -> None:
    history.append([example_measurement(trial) for trial in range(3)])
    (row,) = history.summary()
    assert row["trials"] == 3


def test_it_is_exported_to_this_machine(history: ParquetHistory, tmp_path: Path) -> None:
    history.append([example_measurement(trial) for trial in range(3)])
    report = export(history.uri, str(tmp_path / "out"), "trial > 0")
    assert report.rows == 2
    assert sorted(pq.read_table(tmp_path / "out")["trial"].to_pylist()) == [1, 2]


def test_a_bucket_that_is_not_there_is_refused(bucket: Bucket) -> None:
    uri = bucket.uri("history").replace("s3://bucket/", "s3://missing/")
    with pytest.raises(InputError, match="no history at"):
        ParquetHistory(uri).scan()
    with pytest.raises(InputError, match="cannot use s3://missing/history"):
        ParquetHistory(uri).append([example_measurement()])
