"""What every history store must do. Subclass, say how to open one, and let pytest run the rest."""

from abc import ABC, abstractmethod
from pathlib import Path

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import SCHEMA, HistoryStore, row_filter
from dgtl_ray.testing.measurements import example_measurement


class HistoryConformance(ABC):
    """The cases."""

    @abstractmethod
    def open(self, root: Path) -> HistoryStore:
        """A store object; all that are opened with one `root` share their rows."""

    def test_rows_come_back_as_they_went_in(self, tmp_path: Path) -> None:
        """From another store object, oldest first."""
        rows = [example_measurement(0), example_measurement(1, status=Status.RUN_TIMEOUT)]
        self.open(tmp_path).append(rows[1:])
        self.open(tmp_path).append(rows[:1])
        assert self.open(tmp_path).measurements() == rows

    def test_an_append_is_seen_at_once(self, tmp_path: Path) -> None:
        """By a store object that was opened, and read, before it."""
        writer, reader = self.open(tmp_path), self.open(tmp_path)
        for trial in range(3):
            writer.append([example_measurement(trial)])
            assert len(reader.measurements()) == trial + 1

    def test_appending_nothing_adds_nothing(self, tmp_path: Path) -> None:
        """An empty batch."""
        store = self.open(tmp_path)
        store.append([example_measurement()])
        store.append([])
        assert store.measurements() == [example_measurement()]

    def test_a_measurement_counts_once(self, tmp_path: Path) -> None:
        """However often it was appended."""
        store = self.open(tmp_path)
        for _ in range(3):
            store.append([example_measurement(7)])
        assert store.scan(columns=["trial"]).to_pydict() == {"trial": [7]}

    def test_scan_has_the_whole_schema(self, tmp_path: Path) -> None:
        """All columns, where none is named."""
        store = self.open(tmp_path)
        store.append([example_measurement()])
        assert store.scan().schema.equals(SCHEMA)

    def test_scan_takes_expressions_and_text(self, tmp_path: Path) -> None:
        """Both admit the same rows, and columns come in the order asked for."""
        store = self.open(tmp_path)
        store.append([example_measurement(trial, workload_key=f"w{trial}") for trial in range(4)])
        for where in (row_filter(workload_key="w2"), "workload_key == 'w2'"):
            table = store.scan(where=where, columns=["trial", "network"])
            assert table.to_pydict() == {"trial": [2], "network": ["resnet18"]}

    def test_unusable_requests_are_refused(self, tmp_path: Path) -> None:
        """A history that is not there, a column that is not there."""
        store = self.open(tmp_path)
        assert _refuses(store)
        store.append([example_measurement()])
        assert _refuses(store, columns=["colour"])
        assert _refuses(store, where="colour == 'red'")
        assert _refuses(store, where="status == cost_s")
        assert not _refuses(store)


def _refuses(store: HistoryStore, **request: object) -> bool:
    """Whether a scan is refused with a message."""
    try:
        store.scan(**request)  # type: ignore[arg-type]
    except InputError as error:
        return bool(str(error))
    return False
