import os
from pathlib import Path

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory, export
from dgtl_ray.history.folder import Folder
from dgtl_ray.testing.measurements import example_measurement


def test_reading_a_missing_history_says_what_to_do(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path / "nowhere"))
    for use in (history.scan, history.measurements, history.summary, history.compact):
        with pytest.raises(InputError, match=r"no history at .*nowhere: check the path"):
            use()
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file: give the folder"):
        ParquetHistory(str(tmp_path / "file")).scan()
    with pytest.raises(InputError, match="cannot use"):
        ParquetHistory(str(tmp_path / "file")).append([example_measurement()])


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(InputError, match="cannot use carrier://pigeon"):
        ParquetHistory("carrier://pigeon")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permissions"):
        ParquetHistory(str(tmp_path / "history")).append([example_measurement()])


def test_empty_folder_is_an_empty_history(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path))
    assert history.measurements() == []
    assert history.summary() == []
    assert history.compact() == 0


def test_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    history = ParquetHistory(str(tmp_path / "history"))
    history.create()
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(InputError, match="No space left"):
        history.append([example_measurement()])
    assert list((tmp_path / "history").iterdir()) == []


def test_listing_is_repeated_until_nothing_vanishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing made during a merge may hold neither the small files nor the merged one."""
    listings = iter([{"a": 1, "b": 1}, {"a": 1}, {"merged": 2}, {"merged": 2, "c": 1}])
    folder = Folder(str(tmp_path))
    monkeypatch.setattr(folder, "_list", lambda: next(listings))
    assert folder.sizes_bytes() == {"merged": 2, "c": 1}


def test_a_folder_without_measurements_is_told_apart_from_a_history(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no measurements: name the folder of a history"):
        ParquetHistory(str(tmp_path)).require_rows()
    ParquetHistory(str(tmp_path / "history")).append([example_measurement()])
    with pytest.raises(InputError, match=r"but .*/history does: name that"):
        ParquetHistory(str(tmp_path)).require_rows()


def test_a_part_of_an_export_is_named_where_the_whole_is_given(tmp_path: Path) -> None:
    ParquetHistory(str(tmp_path / "own")).append([example_measurement(0)])
    export(str(tmp_path / "own"), str(tmp_path / "out"))
    with pytest.raises(InputError, match=r"but .*/out/kind=\w+/on_device=\S+ does: name that"):
        ParquetHistory(str(tmp_path / "out")).require_rows()
