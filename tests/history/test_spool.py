"""Storage that fails for a while: nothing is lost, nothing is there twice."""

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pyarrow.dataset as ds
import pytest

from dgtl_ray.core.errors import StorageError
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.history import ParquetHistory, SpooledHistory
from dgtl_ray.testing.measurements import example_measurement


class Storage:
    """A folder for a history, which a file of the same name replaces while it is broken."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self) -> None:
        self.path.rename(self.path.with_suffix(".away"))
        self.path.touch()

    def recover(self) -> None:
        self.path.unlink()
        self.path.with_suffix(".away").rename(self.path)

    def trials(self) -> list[int]:
        """Of the rows as they are stored."""
        return sorted(ds.dataset(self.path).to_table(columns=["trial"]).column(0).to_pylist())


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "history")


@pytest.fixture
def history(storage: Storage, tmp_path: Path) -> SpooledHistory:
    return open_history(storage, tmp_path)


def open_history(storage: Storage, tmp_path: Path) -> SpooledHistory:
    store = ParquetHistory(str(storage.path))
    return SpooledHistory(store, tmp_path / "spool", first_wait_s=0.05, longest_wait_s=0.2)


def waiting(tmp_path: Path) -> list[Path]:
    """Files in the spool."""
    return list((tmp_path / "spool").glob("*.parquet"))


def await_delivery(tmp_path: Path) -> None:
    """Wait until nothing is in the spool, without asking for it."""
    deadline = time.monotonic() + 30
    while waiting(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert waiting(tmp_path) == []


class SlowStore(ParquetHistory):
    """Fails once, then takes until it is `released`, and fails or succeeds as it is told."""

    def __init__(self, path: Path, *, sound: bool) -> None:
        super().__init__(str(path))
        self.sound = sound
        self.tried, self.released = Event(), Event()
        self._is_first = True

    def append(self, rows: Sequence[Measurement]) -> None:
        if self._is_first:
            self._is_first = False
            raise StorageError("away")
        sound = self.sound
        self.tried.set()
        assert self.released.wait(30)
        if not sound:
            raise StorageError("still away")
        super().append(rows)


@pytest.mark.parametrize("sound", [True, False])
def test_batches_do_not_wait_for_a_slow_delivery(tmp_path: Path, sound: bool) -> None:
    store = SlowStore(tmp_path / "history", sound=sound)
    history = SpooledHistory(store, tmp_path / "spool", first_wait_s=0.0)
    for trial in range(2):
        history.append([example_measurement(trial)])
    assert store.tried.wait(30)
    for trial in range(2, 4):
        history.append([example_measurement(trial)])
    assert waiting(tmp_path)
    store.released.set()
    store.sound = True
    history.deliver(patience_s=30)
    assert sorted(row.trial for row in store.measurements()) == [0, 1, 2, 3]
    assert ds.dataset(tmp_path / "history").count_rows() == 4


def test_rows_go_straight_to_sound_storage(
    history: SpooledHistory, storage: Storage, tmp_path: Path
) -> None:
    history.append([example_measurement(0), example_measurement(1)])
    assert storage.trials() == [0, 1]
    assert not (tmp_path / "spool").exists()


def test_rows_wait_and_are_delivered_with_a_later_batch(
    history: SpooledHistory, storage: Storage, tmp_path: Path
) -> None:
    history.append([example_measurement(0)])
    storage.fail()
    for trial in (1, 2):
        history.append([example_measurement(trial)])
    assert storage.path.is_file()
    storage.recover()
    time.sleep(0.06)
    history.append([example_measurement(3)])
    await_delivery(tmp_path)
    assert storage.trials() == [0, 1, 2, 3]


def test_broken_storage_is_left_alone_for_a_while(
    history: SpooledHistory, storage: Storage
) -> None:
    history.append([example_measurement(0)])
    storage.fail()
    history.append([example_measurement(1)])
    storage.recover()
    history.append([example_measurement(2)])
    assert storage.trials() == [0]
    history.deliver()
    assert storage.trials() == [0, 1, 2]


def test_what_a_dead_process_left_is_delivered_by_the_next(
    history: SpooledHistory, storage: Storage, tmp_path: Path
) -> None:
    history.append([example_measurement(0)])
    storage.fail()
    history.append([example_measurement(1)])
    storage.recover()
    heir = open_history(storage, tmp_path)
    assert waiting(tmp_path)
    heir.deliver()
    assert storage.trials() == [0, 1]
    assert waiting(tmp_path) == []


def test_storage_that_stays_broken_is_told_and_nothing_lost(
    history: SpooledHistory, storage: Storage, tmp_path: Path
) -> None:
    history.append([example_measurement(0)])
    storage.fail()
    history.append([example_measurement(1)])
    with pytest.raises(StorageError, match=r"wait in .*spool: resume the run"):
        history.deliver(patience_s=0.3)
    assert [row.trial for row in ParquetHistory(str(tmp_path / "spool")).measurements()] == [1]


def test_what_cannot_be_read_is_kept_and_told(
    history: SpooledHistory, storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    history.append([example_measurement(0)])
    storage.fail()
    for trial in (1, 2):
        history.append([example_measurement(trial)])
    torn = min((tmp_path / "spool").glob("*.parquet"))
    torn.write_bytes(b"torn")
    storage.recover()
    heir = open_history(storage, tmp_path)
    heir.deliver()
    assert waiting(tmp_path) == []
    assert storage.trials() == [0, 2]
    (kept,) = (tmp_path / "spool").iterdir()
    assert (kept.name, kept.read_bytes()) == (f"{torn.name}.damaged", b"torn")
    assert f"cannot be delivered: it is damaged, and kept as {kept.name}" in caplog.text
