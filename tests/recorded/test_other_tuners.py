"""Experiments of KTT, Ray Tune and Optuna into a history."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.history import ParquetHistory, check_history
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.importing import import_file
from tests.recorded.format_files import lines


def imported(file: Path, into: Path, **options: Any) -> list[Measurement]:
    """All rows of the history, in the file's order; importing again adds nothing."""
    report = import_file(str(file), str(into), **options)
    assert import_file(str(file), str(into), **options).added == 0
    assert check_history(ParquetHistory(str(into))).ok
    rows = ParquetHistory(str(into)).measurements()
    assert len(rows) == report.added
    return sorted(rows, key=lambda row: row.trial)


def ktt_result(tile: int, status: str = "Ok", duration: float = 1500.0) -> dict[str, Any]:
    return {
        "KernelName": "nbody",
        "Status": status,
        "TotalDuration": duration,
        "TotalOverhead": 500.0,
        "ComputationResults": [],
        "Configuration": [{"Name": "TILE", "Value": tile}, {"Name": "UNROLL", "Value": 2}],
    }


def test_ktt(tmp_path: Path) -> None:
    facts = {
        "ComputeApi": "CUDA",
        "Device": "NVIDIA GeForce RTX 3090",
        "KttVersion": "2.1",
        "TimeUnit": "Microseconds",
        "Timestamp": "2022-03-01 10:15:00",
    }
    results = [
        ktt_result(8),
        ktt_result(16, "CompilationFailed"),
        ktt_result(32, "ValidationFailed"),
        ktt_result(64, "ComputationFailed"),
    ]
    file = tmp_path / "ktt.json"
    file.write_text(json.dumps({"Metadata": facts, "Results": results}))
    rows = imported(file, tmp_path / "h")
    assert [row.status for row in rows] == [
        Status.OK,
        Status.BUILD_ERROR,
        Status.WRONG_RESULT,
        Status.RUN_ERROR,
    ]
    assert rows[0].cost_s == pytest.approx(0.0015)
    assert rows[0].timing_s == pytest.approx(0.002)
    assert json.loads(rows[0].config) == {"TILE": 8, "UNROLL": 2}
    assert rows[0].device["cores"] == 82
    facts["TimeUnit"] = "Fortnights"
    file.write_text(json.dumps({"Metadata": facts, "Results": results}))
    with pytest.raises(InputError, match="counts in 'fortnights'"):
        import_file(str(file), str(tmp_path / "h"))


def ray_trial(folder: Path, parameters: dict[str, Any], *reports: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(parameters))
    (folder / "result.json").touch()
    if reports:
        lines(folder / "result.json", *reports)
    return folder


def report(iteration: int, **metrics: Any) -> dict[str, Any]:
    own = {"training_iteration": iteration, "time_total_s": 2.0 * iteration, "pid": 1}
    return {"timestamp": 1700000000 + iteration, "done": False, "config": {}} | own | metrics


def test_ray_tune(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    ray_trial(experiment / "t_0", {"tile": 8}, report(1, run_ms=9.0), report(2, run_ms=4.0))
    failed = ray_trial(experiment / "t_1", {"tile": 16})
    (failed / "error.txt").write_text("ValueError: no such tile")
    (experiment / "experiment_state-1.json").write_text("{}")
    (experiment / "searcher.pkl").write_bytes(b"a pickle, which nothing here opens")
    with pytest.raises(InputError, match="give --device"):
        import_file(str(experiment), str(tmp_path / "h"))
    ok, bad = imported(experiment, tmp_path / "h", device="RTX 3090")
    assert ok.cost_s == pytest.approx(0.004)
    assert dict(ok.metrics or {}) == {"run_s": pytest.approx(0.004)}
    assert ok.timing_s == 4.0
    assert (json.loads(ok.config), ok.task) == ({"tile": 8}, "tune_tiles")
    assert (bad.status, bad.error) == (Status.RUN_ERROR, "ValueError: no such tile")


def test_ray_tune_where_only_a_table_was_logged(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    folder = ray_trial(experiment / "t_0", {"tile": 8})
    (folder / "progress.csv").write_text("run_ms,training_iteration,date\n9.0,1,a\n4.0,2,b\n")
    (row,) = imported(experiment, tmp_path / "h", device="AMD EPYC 7742")
    assert row.cost_s == pytest.approx(0.004)
    assert dict(row.metrics or {}) == {"run_s": pytest.approx(0.004)}
    assert row.device["kind"] == "cpu"
    (folder / "progress.csv").write_text("")
    other = tmp_path / "other"
    with pytest.raises(InputError, match="give --metric"):
        import_file(str(experiment), str(other), device="host")


def test_ray_tune_with_several_metrics(tmp_path: Path) -> None:
    experiment = tmp_path / "tune"
    ray_trial(experiment / "t_0", {"lr": 0.1}, report(1, loss=0.5, accuracy=0.9))
    ray_trial(experiment / "t_1", {"lr": 0.2}, report(1, loss=0.7, accuracy=0.6))
    with pytest.raises(InputError, match=r"which of accuracy, loss counts: give --metric"):
        import_file(str(experiment), str(tmp_path / "h"), device="host")
    hints = Hints(metric="accuracy")
    with pytest.raises(InputError, match="much of 'accuracy' is good: give --mode"):
        import_file(str(experiment), str(tmp_path / "h"), device="host", hints=hints)
    hints = Hints(metric="accuracy", mode="max")
    better, worse = imported(experiment, tmp_path / "h", device="RTX 3090", hints=hints)
    assert better.cost_s is not None
    assert worse.cost_s is not None
    assert better.cost_s < worse.cost_s
    assert better.metrics == {"accuracy": 0.9, "loss": 0.5}


@pytest.mark.parametrize("kind", ["optuna", "optuna-journal"])
def test_optuna(kind: str, tmp_path: Path) -> None:
    """A storage that Optuna itself writes."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = tmp_path / "study"
    journal = optuna.storages.JournalStorage
    backend = optuna.storages.journal.JournalFileBackend
    storage = f"sqlite:///{file}" if kind == "optuna" else journal(backend(str(file)))

    def objective(trial: Any) -> float:
        tile = trial.suggest_categorical("tile", ["8x8", "whole", None])
        unroll = trial.suggest_int("unroll", 1, 8)
        share = trial.suggest_float("share", 0.0, 1.0)
        if trial.number == 2:
            raise ValueError
        if trial.number == 3:
            raise optuna.TrialPruned
        return float(unroll + share + (tile is None))

    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(
        storage=storage, study_name="tiles", sampler=sampler, direction="minimize"
    )
    study.optimize(objective, n_trials=6, catch=(ValueError,))
    study.enqueue_trial({"unroll": 3})
    study.add_trial(study.trials[0])
    report = import_file(str(file), str(tmp_path / "other"), device="Thing 3000")
    assert report.file_format == kind
    rows = imported(file, tmp_path / "h", device="Thing 3000")
    assert {row.device["kind"] for row in rows} == {"unknown"}
    assert [row.status for row in rows[2:4]] == [Status.RUN_ERROR] * 2
    assert [row.error for row in rows[2:4]] == ["failed", "pruned"]
    assert {row.task for row in rows} == {"tiles"}
    ended = [trial for trial in study.trials if trial.state.is_finished()]
    for row, trial in zip(rows, ended, strict=True):
        assert json.loads(row.config) == trial.params
        if trial.value is not None:
            assert row.metrics == {"value": trial.value}
    best = min((row for row in rows if row.cost_s is not None), key=lambda row: row.cost_s or 0.0)
    assert best.trial == study.best_trial.number
