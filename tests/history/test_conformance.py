from pathlib import Path

from pyarrow import fs

from dgtl_ray.history import HistoryStore, ParquetHistory
from dgtl_ray.testing.histories import HistoryConformance


class TestLocal(HistoryConformance):
    def open(self, root: Path) -> HistoryStore:
        return ParquetHistory(str(root / "history"))


class TestFileUri(HistoryConformance):
    def open(self, root: Path) -> HistoryStore:
        return ParquetHistory(f"file://{root}/history/")


class TestOtherFilesystem(HistoryConformance):
    """A filesystem that is neither local nor an object store: files are written, then moved."""

    def open(self, root: Path) -> HistoryStore:
        elsewhere = fs.SubTreeFileSystem(str(root), fs.LocalFileSystem())
        return ParquetHistory("history", filesystem=elsewhere)
