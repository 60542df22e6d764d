import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.engine.clock import SearchTime
from dgtl_ray.run.folder import RunFolder, choose_folder, new_run_id
from dgtl_ray.run.record import RunRecord
from dgtl_ray.storage import Storage
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state
from tests.s3 import Bucket

SPENT = SearchTime(total=5.0, proposing=1.0, building=2.0, timing=1.5, idle=0.5)


def test_a_state_survives_the_disk(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(example_state(), resume=False)
    folder.save_time(example_state(), SPENT)
    assert folder.read().spent == SPENT


def test_rounds_tell_the_search_time_at_a_moment(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    assert RunFolder(tmp_path).rounds() == []
    for total in (5.0, 9.0):
        RunFolder(tmp_path).save_time(example_state(), replace(SPENT, total=total))
    (first, early_s), (second, late_s) = folder.rounds()
    assert first < second
    assert (early_s, late_s) == (5.0, 9.0)


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    with pytest.raises(InputError, match="already holds a run"):
        folder.begin(example_state(run_id="r2"), resume=False)


def test_resuming_keeps_the_runs_own_identity(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    assert folder.begin(example_state(run_id="r2"), resume=True).run_id == "r1"


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    with pytest.raises(InputError, match="search was 'random', is 'evolutionary'"):
        folder.begin(example_state(search="evolutionary"), resume=True)
    with pytest.raises(InputError, match="acquisition was 'qlogei', is 'own'"):
        folder.begin(example_state(acquisition="own"), resume=True)


def test_other_algorithms_are_another_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(algorithms="direct,winograd"), resume=False)
    with pytest.raises(InputError, match="algorithms was 'direct,winograd', is 'direct'"):
        folder.begin(example_state(algorithms="direct"), resume=True)


@pytest.mark.parametrize(("setting", "was"), [("algorithms", "direct"), ("acquisition", "qlogei")])
def test_a_run_from_before_there_was_a_setting_reads(
    tmp_path: Path, setting: str, was: str
) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    fields = json.loads((tmp_path / "run.json").read_text())
    del fields[setting]
    (tmp_path / "run.json").write_text(json.dumps(fields))
    assert getattr(folder.read(), setting) == was


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"run_id": ')
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        RunFolder(tmp_path).read()


def test_another_format_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    fields = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**fields, "format": 99}))
    with pytest.raises(InputError, match="another version"):
        folder.read()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot use"):
        RunFolder(tmp_path / "file" / "run").begin(example_state(), resume=False)


def test_resume_without_a_folder_takes_the_latest_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no run of resnet18"):
        choose_folder(None, "resnet18", "cpu", resume=True)
    for name in ("resnet18-cpu-1", "resnet18-cpu-2", "vgg16-cpu-3"):
        RunFolder(Path("runs") / name).begin(example_state(), resume=False)
    assert choose_folder(None, "resnet18", "cpu", resume=True) == "runs/resnet18-cpu-2"
    assert choose_folder("here", "resnet18", "cpu", resume=True) == "here"


def test_run_ids_differ() -> None:
    assert new_run_id() != new_run_id()


def test_a_moved_run_finds_its_history_where_it_is_now(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "old")
    folder.begin(example_state(history=folder.history), resume=False)
    (tmp_path / "old").rename(tmp_path / "new")
    moved = RunFolder(tmp_path / "new")
    assert moved.read().history == moved.history


def test_a_run_with_a_relative_path_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder("run")
    folder.begin(example_state(history="shared"), resume=False)
    monkeypatch.chdir("/")
    assert RunFolder(tmp_path / "run").read().history == str(tmp_path / "shared")


@pytest.mark.parametrize("noted", ["run/history", "/somewhere/else/run/history"])
def test_a_copy_of_an_earlier_versions_run_has_its_own_history(tmp_path: Path, noted: str) -> None:
    folder = RunFolder(tmp_path / "copy")
    folder.begin(example_state(), resume=False)
    (tmp_path / "copy" / "history").mkdir()
    fields = json.loads((tmp_path / "copy" / "run.json").read_text())
    (tmp_path / "copy" / "run.json").write_text(json.dumps({**fields, "history": noted}))
    assert folder.read().history == folder.history


def test_a_run_that_is_not_there_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to resume in"):
        RunFolder(tmp_path / "nowhere").check(resume=True)
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture
def recorded_elsewhere(tmp_path: Path) -> RunFolder:
    """A run whose history is not in its folder."""
    folder = RunFolder(tmp_path / "run")
    folder.begin(example_state(history=str(tmp_path / "shared")), resume=False)
    return folder


def test_a_copy_does_not_write_into_its_originals_history(
    tmp_path: Path, recorded_elsewhere: RunFolder
) -> None:
    copy = RunFolder(shutil.copytree(tmp_path / "run", tmp_path / "copy"))
    for refused in (
        lambda: copy.check(resume=True),
        lambda: copy.begin(example_state(), resume=True),
    ):
        with pytest.raises(InputError, match=r"copy is a copy of the run in .*run, .*shared: res"):
            refused()
    again = example_state(history=recorded_elsewhere.history)
    assert copy.read() == recorded_elsewhere.begin(again, resume=True)


def test_a_copy_with_a_history_of_its_own_goes_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(example_state(history=folder.history), resume=False)
    copy = RunFolder(shutil.copytree(tmp_path / "run", tmp_path / "copy"))
    assert copy.begin(example_state(history=copy.history), resume=True).history == copy.history


def test_a_moved_run_goes_on_with_its_history(
    tmp_path: Path, recorded_elsewhere: RunFolder
) -> None:
    moved = RunFolder((tmp_path / "run").rename(tmp_path / "moved"))
    resumed = moved.begin(example_state(history=moved.history), resume=True)
    assert resumed.history == str(tmp_path / "shared")
    moved.save_time(resumed, SPENT)
    # Now it is at home there: what is a copy of it is one.
    copy = RunFolder(shutil.copytree(tmp_path / "moved", tmp_path / "run"))
    with pytest.raises(InputError, match=r"is a copy of the run in .*moved"):
        copy.check(resume=True)


@pytest.mark.parametrize("other", ["other", "s3://bucket/shared?region=x"])
def test_a_resumed_run_is_not_recorded_elsewhere(
    tmp_path: Path, recorded_elsewhere: RunFolder, other: str
) -> None:
    own = RunFolder(tmp_path / "own")
    own.begin(example_state(history=own.history), resume=False)
    for folder, history in ((recorded_elsewhere, "shared"), (own, "own/history")):
        for refused in (
            partial(folder.check, history=other),
            partial(folder.begin, example_state(history=other)),
        ):
            with pytest.raises(InputError, match=f"records in .*/{history}, not in "):
                refused(resume=True)


def test_a_run_is_resumed_with_its_history_by_whatever_name(
    tmp_path: Path, recorded_elsewhere: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    monkeypatch.chdir(tmp_path)
    for name in ("link", "shared", f"file://{tmp_path}/shared", recorded_elsewhere.history):
        again = example_state(history=name)
        assert recorded_elsewhere.begin(again, resume=True).history == f"{tmp_path}/shared"


def test_another_run_where_it_was_does_not_make_it_a_copy(
    tmp_path: Path, recorded_elsewhere: RunFolder
) -> None:
    moved = RunFolder((tmp_path / "run").rename(tmp_path / "moved"))
    recorded_elsewhere.begin(example_state(run_id="r2"), resume=False)
    moved.check(resume=True)


def test_a_run_is_no_copy_of_itself_by_another_name(
    tmp_path: Path, recorded_elsewhere: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    for name in ("link", "run", f"file://{tmp_path}/run", f"{tmp_path}/link/../run"):
        RunFolder(name).check(resume=True)


def test_a_run_of_an_earlier_version_is_taken_for_no_copy(
    tmp_path: Path, recorded_elsewhere: RunFolder
) -> None:
    fields = json.loads((tmp_path / "run" / "run.json").read_text())
    del fields["home"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(fields))
    RunFolder(shutil.copytree(tmp_path / "run", tmp_path / "copy")).check(resume=True)


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("s3://bucket/run?region=x", "s3://bucket/run?region=x"),
        ("s3://key:secret@bucket/run?region=x", ""),
    ],
)
def test_no_password_is_noted(address: str, home: str) -> None:
    assert RunFolder(address)._home() == home


def test_a_key_is_neither_kept_nor_told(tmp_path: Path, bucket: Bucket) -> None:
    run, shared = (
        bucket.uri(f"{tmp_path.name}/{name}").replace("s3://", "s3://KEY:SECRET@")
        for name in ("run", "shared")
    )
    folder = RunFolder(run)
    state = folder.begin(example_state(history=shared), resume=False)
    RunRecord(folder, state).append([example_measurement(run_id="r1")])
    folder.save_time(state, SPENT)
    folder.unverified.mkdir()
    module = folder.publish(verified=True)
    with pytest.raises(InputError, match="already holds a run") as refused:
        RunFolder(run).begin(example_state(history=shared), resume=False)
    kept = [Storage(run).get(name) for name in ("run.json", "rounds.json", "owner.json")]
    folder.give_up()
    resumed = RunFolder(run).begin(example_state(history=shared), resume=True)
    assert resumed.history == state.history == shared.replace("KEY:SECRET@", "")
    for told in (*kept, module, folder.uri, state, refused.value):
        assert "KEY" not in str(told)
        assert "SECRET" not in str(told)
    assert folder.places(shared) == [run, shared]
    assert folder.places(None) == [run, run.replace("/run?", "/run/history?")]
