"""What a function prints is kept, and costs no trial where storage fails."""

from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import StorageError
from dgtl_ray.run import function_events
from dgtl_ray.run.function_events import PrintedFiles
from dgtl_ray.storage import Storage


def fail(*_: Any) -> None:
    raise StorageError("it is away")


def kept(folder: Path, trial: str) -> str:
    return (folder / "trials" / trial / "stdout").read_text()


def test_what_cannot_be_kept_now_is_kept_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    printed = PrintedFiles(str(tmp_path), True, notes.append)
    with monkeypatch.context() as away:
        away.setattr(Storage, "put", fail)
        printed.keep("r-0", ("first", ""))
    printed.keep("r-1", ("second", ""))  # too soon after the failure
    assert not (tmp_path / "trials" / "r-1").exists()
    printed.close()
    assert (kept(tmp_path, "r-0"), kept(tmp_path, "r-1")) == ("first", "second")
    assert notes == ["what trials print waits, as it cannot be kept now: it is away"]


def test_what_waits_is_kept_once_storage_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function_events, "_WAIT_S", 0.0)
    printed = PrintedFiles(str(tmp_path), True, list[str]().append)
    with monkeypatch.context() as away:
        away.setattr(Storage, "put", fail)
        printed.keep("r-0", ("first", ""))
    printed.keep("r-1", ("second", ""))
    assert (kept(tmp_path, "r-0"), kept(tmp_path, "r-1")) == ("first", "second")


def test_what_is_lost_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    printed = PrintedFiles(str(tmp_path), "log", notes.append)
    monkeypatch.setattr(Storage, "put", fail)
    printed.keep("r-0", ("first", ""))
    printed.keep("r-1", ("second", ""))
    printed.close()
    assert notes[-1] == "what 2 trials printed is lost: it is away"
