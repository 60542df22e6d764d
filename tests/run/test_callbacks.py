"""The end of a run is told to callbacks, and costs nothing that the run found."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from dgtl_ray.core.errors import StorageError
from dgtl_ray.run.callbacks import Callbacks
from dgtl_ray.storage import Storage, mounted


class Logger:
    """Writes a file for each trial, and knows whether the run has ended."""

    has_ended = False

    def on_trial_start(self, trial: Any, **_: Any) -> None:
        (Path(trial.local_path) / "log").write_text(trial.trial_id)

    def on_experiment_end(self, **_: Any) -> None:
        self.has_ended = True


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The address of a folder that is taken for none of this machine."""
    return mounted("run", SubTreeFileSystem(str(tmp_path), LocalFileSystem()))


def test_what_loggers_wrote_comes_to_the_run(store: str, tmp_path: Path) -> None:
    callbacks = Callbacks([Logger()], None, "task", store)
    callbacks.began("r-0", 0, {})
    callbacks.close()
    assert (tmp_path / "run" / "trials" / "r-0" / "log").read_text() == "r-0"
    assert not callbacks._local.exists()


def test_what_cannot_be_brought_to_the_run_is_told_and_kept(
    store: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise StorageError("it is away")

    monkeypatch.setattr(Storage, "upload", fail)
    callbacks = Callbacks([Logger()], None, "task", store)
    callbacks.began("r-0", 0, {})
    callbacks.close()
    kept = Path(f"{callbacks._local}-kept")
    assert f"stays in {kept}, as {store} cannot take it: it is away" in caplog.text
    assert (kept / "r-0" / "log").read_text() == "r-0"
    shutil.rmtree(kept)


def test_a_callback_that_raises_at_the_end_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, logger = SimpleNamespace(on_experiment_end=lambda **_: 1 / 0), Logger()
    Callbacks([broken, logger], None, "task", str(tmp_path)).close()
    assert logger.has_ended
    assert "SimpleNamespace raised in on_experiment_end: ZeroDivisionError" in caplog.text
