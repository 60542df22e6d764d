"""What a run measured is found again, or its absence is told."""

import shutil
from pathlib import Path

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run.folder import RunFolder, RunState
from dgtl_ray.run.record import RunRecord, recorded_rows
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.runs import example_state


def begun(folder: RunFolder, recorded: int) -> RunState:
    folder.write(example_state(history=folder.history, recorded=recorded))
    return folder.read()


def test_a_record_counts_what_was_there_and_what_comes(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    record = RunRecord(folder, begun(folder, 0))
    record.append([example_measurement(run_id="r1", trial=0)])
    again = RunRecord(folder, begun(folder, 1))
    again.append([example_measurement(run_id="r1", trial=1)])
    assert again.recorded == 2


def test_rows_that_wait_on_this_machine_count(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    row = example_measurement(run_id="r1", trial=0)
    ParquetHistory(str(folder.spool("r1"))).append([row])
    record = RunRecord(folder, begun(folder, 1))
    assert record.store.measurements() == [row]


def test_the_next_trial_has_a_number_that_no_measurement_has(tmp_path: Path) -> None:
    """Wherever those are, and on whatever device they were made; other runs have their own."""
    folder = RunFolder(tmp_path / "run")
    record = RunRecord(folder, begun(folder, 0))
    assert record.first_trial() == 0
    elsewhere = example_measurement(4, run_id="r1", device_key="cpu/elsewhere/8")
    record.append([elsewhere, example_measurement(2, run_id="r1")])
    assert record.first_trial() == 5
    record.store.append([example_measurement(9, run_id="other")])
    assert RunRecord(folder, begun(folder, 2)).first_trial() == 5
    ParquetHistory(str(folder.spool("r1"))).append([example_measurement(7, run_id="r1")])
    assert RunRecord(folder, begun(folder, 3)).first_trial() == 8


def test_a_run_has_one_process_at_a_time(tmp_path: Path) -> None:
    """Two would give different measurements the same name, of which a history keeps one."""
    folder, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    state = begun(folder, 0)
    RunRecord(folder, state).append([example_measurement(run_id="r1", trial=0)])
    with pytest.raises(InputError, match="is at the run in"):
        RunRecord(other, state)
    folder.give_up()
    assert RunRecord(other, state).first_trial() == 1
    other.give_up()


def test_who_was_taken_over_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: RunFolder) -> None:
        raise InputError("was taken over")

    folder = RunFolder(tmp_path / "run")
    record = RunRecord(folder, begun(folder, 0))
    monkeypatch.setattr(RunFolder, "require_held", refuse)
    with pytest.raises(InputError, match="was taken over"):
        record.append([example_measurement(run_id="r1", trial=0)])
    assert record.store.measurements() == []


def test_what_a_run_recorded_is_read_while_it_goes_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    state = begun(folder, 0)
    rows = [example_measurement(trial, run_id="r1") for trial in range(3)]
    RunRecord(folder, state).append(rows[:2])
    ParquetHistory(str(folder.spool("r1"))).append(rows[1:])
    found = recorded_rows(RunFolder(tmp_path / "run"), state)
    assert sorted(row.trial for row in found) == [0, 1, 2]


def test_a_run_whose_measurements_are_gone_is_not_resumed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    RunRecord(folder, begun(folder, 0)).append([example_measurement(run_id="r1", trial=0)])
    shutil.rmtree(tmp_path / "run" / "history")
    with pytest.raises(InputError, match=r"recorded 1 .*of which 0 are in .*moved or deleted"):
        RunRecord(folder, begun(folder, 1))
    assert not (tmp_path / "run" / "history").exists()


def test_damaged_files_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    RunRecord(folder, begun(folder, 0)).append([example_measurement(run_id="r1", trial=0)])
    (file,) = (tmp_path / "run" / "history").glob("*.parquet")
    file.write_bytes(b"PAR1")
    with pytest.raises(InputError, match=f"damaged: .*{file.name}"):
        RunRecord(folder, begun(folder, 1))
