"""Experiments of KTT, Ray Tune and Optuna into a history."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Measurement, Status
from dgtl_ray.history import ParquetHistory, check_history
from dgtl_ray.recorded.formats import ray_tune
from dgtl_ray.recorded.formats.task import Hints
from dgtl_ray.recorded.importing import import_file
from dgtl_ray.recorded.tables import read_table
from tests.functions import is_first_call
from tests.recorded.format_files import (
    ktt,
    ktt_result,
    lines,
    optuna_journal,
    optuna_study,
    ray_report,
    ray_state,
    ray_trial,
)

HINTS = Hints(metric="run_ms")
# What Ray Tune writes into a trial's folder when it fails, and dates of reports around that.
FAILURE = "Failure # 1 (occurred at 2024-01-01_10-00-00)\nValueError: no such tile\n"
BEFORE, AFTER = "2024-01-01_09-59-59", "2024-01-01_10-00-09"


def imported(file: Path, into: Path, **options: Any) -> list[Measurement]:
    """All rows of a new history, in the file's order; importing again adds nothing."""
    report = import_file(str(file), str(into), **options)
    rows = imported_again(file, into, **options)
    assert len(rows) == report.added
    return rows


def imported_again(file: Path, into: Path, **options: Any) -> list[Measurement]:
    """All rows of the history, by trial; nothing of the file is new to it."""
    assert import_file(str(file), str(into), **options).added == 0
    store = ParquetHistory(str(into))
    assert check_history(store).ok
    return sorted(store.measurements(), key=lambda row: row.trial)


def by_knobs(rows: list[Measurement]) -> list[Measurement]:
    """In the order of their configurations: numbers of Ray Tune's trials have none."""
    return sorted(rows, key=lambda row: list(json.loads(row.config).values()))


def test_ktt(tmp_path: Path) -> None:
    results = [
        ktt_result(8),
        ktt_result(16, "CompilationFailed"),
        ktt_result(32, "ValidationFailed"),
        ktt_result(64, "ComputationFailed"),
        ktt_result(128, ""),
    ]
    file = tmp_path / "ktt.json"
    file.write_text(json.dumps(ktt(*results)))
    rows = imported(file, tmp_path / "h")
    assert [row.status for row in rows] == [
        Status.OK,
        Status.BUILD_ERROR,
        Status.WRONG_RESULT,
        Status.RUN_ERROR,
        Status.RUN_ERROR,
    ]
    assert rows[-1].error == "failed"
    assert rows[0].cost_s == pytest.approx(0.0015)
    assert rows[0].timing_s == pytest.approx(0.002)
    assert json.loads(rows[0].config) == {"TILE": 8, "UNROLL": 2}
    assert rows[0].device["cores"] == 82
    file.write_text(json.dumps(ktt(*results, unit="Fortnights")))
    with pytest.raises(InputError, match="counts in 'fortnights'"):
        import_file(str(file), str(tmp_path / "h"))


def test_ktts_xml_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "ktt.xml"
    file.write_text('<?xml version="1.0"?>\n<TuningData>\n\t<Metadata />\n</TuningData>\n')
    for file_format in ("", "ktt"):
        with pytest.raises(InputError, match=r"KTT's output as XML.*OutputFormat::JSON"):
            import_file(str(file), str(tmp_path / "h"), file_format=file_format)


def test_ray_tune(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    ray_trial(experiment / "t_0", {"tile": 8}, ray_report(1, run_ms=9.0), ray_report(2, run_ms=4.0))
    failed = ray_trial(experiment / "t_1", {"tile": 16})
    (failed / "error.txt").write_text("ValueError: no such tile")
    (experiment / "experiment_state-1.json").write_text("{}")
    (experiment / "searcher.pkl").write_bytes(b"a pickle, which nothing here opens")
    with pytest.raises(InputError, match="give --device"):
        import_file(str(experiment), str(tmp_path / "h"))
    ok, bad = by_knobs(imported(experiment, tmp_path / "h", device="RTX 3090"))
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
    with pytest.raises(InputError, match="no trial that reported or failed"):
        import_file(str(experiment), str(tmp_path / "other"), device="host")


def test_ray_tune_with_several_metrics(tmp_path: Path) -> None:
    experiment = tmp_path / "tune"
    ray_trial(experiment / "t_0", {"lr": 0.1}, ray_report(1, loss=0.5, accuracy=0.9))
    ray_trial(experiment / "t_1", {"lr": 0.2}, ray_report(1, loss=0.7, accuracy=0.6))
    with pytest.raises(InputError, match=r"which of accuracy, loss counts: give --metric"):
        import_file(str(experiment), str(tmp_path / "h"), device="host")
    hints = Hints(metric="accuracy")
    with pytest.raises(InputError, match="much of 'accuracy' is good: give --mode"):
        import_file(str(experiment), str(tmp_path / "h"), device="host", hints=hints)
    hints = Hints(metric="accuracy", mode="max")
    rows = imported(experiment, tmp_path / "h", device="RTX 3090", hints=hints)
    better, worse = by_knobs(rows)
    assert better.cost_s is not None
    assert worse.cost_s is not None
    assert better.cost_s < worse.cost_s
    assert better.metrics == {"accuracy": 0.9, "loss": 0.5}


def test_nested_metrics_of_ray_tune(tmp_path: Path) -> None:
    """By the names that Ray Tune gives them; what hides under endless names is passed over."""
    experiment = tmp_path / "tune"
    deep = {"a" * 300: {"misses": 1.0}}
    told = ray_report(1, run_ms=4.0, cache={"l1": {"misses": 3.0}}, config={"tile": 8}, deep=deep)
    ray_trial(experiment / "t_0", {"tile": 8}, told)
    with pytest.raises(InputError, match=r"which of cache/l1/misses, run_ms counts"):
        import_file(str(experiment), str(tmp_path / "h"), device="host")
    hints = Hints(metric="cache/l1/misses", mode="min")
    (row,) = imported(experiment, tmp_path / "h", device="RTX 3090", hints=hints)
    assert row.metrics == {"cache/l1/misses": 3.0, "run_ms": 4.0}


def test_more_trials_of_ray_tune_than_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_tune, "_MOST_TRIALS", 2)
    for k in range(3):
        ray_trial(tmp_path / "tune" / f"t_{k}", {"tile": k}, ray_report(1, run_ms=4.0))
    with pytest.raises(InputError, match="holds 3 trials, more than the 2 that are read"):
        import_file(str(tmp_path / "tune"), str(tmp_path / "h"), device="host")


def test_ray_tune_where_no_trial_told_a_number(tmp_path: Path) -> None:
    experiment, into = tmp_path / "tune_tiles", tmp_path / "h"
    trial = ray_trial(experiment / "t_0", {"tile": 8})
    with pytest.raises(InputError, match="no trial that reported or failed"):
        import_file(str(experiment), str(into), device="host")
    (trial / "error.txt").write_text("ValueError: no such tile")
    with pytest.raises(InputError, match=r"no trial in .*tune_tiles reported a number: give --met"):
        import_file(str(experiment), str(into), device="host")
    (row,) = imported(experiment, into, device="host", hints=HINTS)
    assert (row.status, row.error) == (Status.RUN_ERROR, "ValueError: no such tile")


def test_trials_of_ray_tune_that_end_after_an_import(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    late = ray_trial(experiment / "t_0", {"tile": 8})
    with pytest.raises(InputError, match="no trial that reported or failed"):
        import_file(str(experiment), str(tmp_path / "h"), device="host", hints=HINTS)
    ray_trial(experiment / "t_1", {"tile": 16}, ray_report(1, run_ms=4.0))
    ray_trial(experiment / "t_2", {"tile": 32})
    (row,) = imported(experiment, tmp_path / "h", device="host", hints=HINTS)
    assert json.loads(row.config) == {"tile": 16}
    lines(late / "result.json", ray_report(1, run_ms=2.0))
    assert import_file(str(experiment), str(tmp_path / "h"), device="host", hints=HINTS).added == 1


def test_trials_of_ray_tune_that_begin_after_an_import(tmp_path: Path) -> None:
    """Their folders' names lie between those of the others, as random ones do."""
    experiment, into = tmp_path / "tune_tiles", tmp_path / "h"
    for names in (["t_m"], ["t_a", "t_z"], ["t_b"]):
        for k, name in enumerate(names):
            ray_trial(experiment / name, {"tile": 8}, ray_report(1, run_ms=1.0 + k))
        report = import_file(str(experiment), str(into), device="RTX 3090")
        assert report.added == len(names)
    rows = imported_again(experiment, into, device="RTX 3090")
    assert len({row.trial for row in rows}) == len(rows) == 4
    assert len({row.run_id for row in rows}) == 1


def test_a_trial_of_ray_tune_that_reports_again_is_one_row_more(tmp_path: Path) -> None:
    """Whether it ended nobody knows: an experiment that was interrupted looks the same."""
    experiment, into = tmp_path / "tune_tiles", tmp_path / "h"
    first = ray_report(1, run_ms=9.0)
    going_on = ray_trial(experiment / "t_0", {"tile": 8}, first)
    ray_trial(experiment / "t_1", {"tile": 16}, ray_report(1, run_ms=4.0))
    assert import_file(str(experiment), str(into), device="RTX 3090").added == 2
    lines(going_on / "result.json", first, ray_report(2, run_ms=2.0))
    assert import_file(str(experiment), str(into), device="RTX 3090").added == 1
    rows = imported_again(experiment, into, device="RTX 3090")
    assert sorted(row.cost_s or 0.0 for row in rows) == pytest.approx([0.002, 0.004, 0.009])


def failed_once(experiment: Path, name: str, tile: int, date: str) -> None:
    """A trial that failed once, and whose last report is of a date."""
    folder = ray_trial(experiment / name, {"tile": tile}, ray_report(1, run_ms=4.0, date=date))
    (folder / "error.txt").write_text(FAILURE)


def test_a_trial_of_ray_tune_that_reports_after_its_failure_went_on(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    failed_once(experiment, "t_0", 8, AFTER)
    failed_once(experiment, "t_1", 16, BEFORE)
    fine, failed = by_knobs(imported(experiment, tmp_path / "h", device="RTX 3090"))
    assert fine.status is Status.OK
    assert fine.cost_s == pytest.approx(0.004)
    assert (failed.status, failed.error) == (Status.RUN_ERROR, FAILURE.strip())


def test_ray_tunes_last_word_on_how_a_trial_ended_decides(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    failed_once(experiment, "t_0", 8, BEFORE)
    failed_once(experiment, "t_1", 16, AFTER)
    ray_state(experiment, "2024-01-01_08-00-00", t_0="ERROR", t_1="TERMINATED")
    ray_state(experiment, "2024-01-01_09-00-00", t_0="TERMINATED", t_1="ERROR")
    (experiment / "experiment_state-2024-01-01_10-00-00.json").write_text('{"trial_data": [')
    fine, failed = by_knobs(imported(experiment, tmp_path / "h", device="RTX 3090"))
    assert (fine.status, failed.status) == (Status.OK, Status.RUN_ERROR)


def test_what_ray_tune_measures_by_itself_may_be_what_counts(tmp_path: Path) -> None:
    experiment = tmp_path / "tune_tiles"
    ray_trial(experiment / "t_0", {"tile": 8}, ray_report(2, run_ms=9.0))
    hints = Hints(metric="time_total_s")
    (row,) = imported(experiment, tmp_path / "h", device="RTX 3090", hints=hints)
    assert (row.status, row.cost_s) == (Status.OK, 4.0)
    assert row.metrics == {"run_ms": 9.0, "time_total_s": 4.0}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_trial_that_ray_tune_tried_again(tmp_path: Path) -> None:
    from ray import tune

    def flaky(config: dict[str, Any]) -> dict[str, Any]:
        if is_first_call(tmp_path, config):
            raise RuntimeError("the first time")
        return {"run_ms": 4.0}

    run_config = tune.RunConfig(
        name="tiles",
        storage_path=str(tmp_path),
        verbose=0,
        failure_config=tune.FailureConfig(max_failures=1),
    )
    tune.Tuner(flaky, param_space={"tile": 8}, run_config=run_config).fit()
    assert len(list((tmp_path / "tiles").glob("*/error.txt"))) == 1
    (row,) = imported(tmp_path / "tiles", tmp_path / "h", device="RTX 3090", hints=HINTS)
    assert row.status is Status.OK
    assert row.cost_s == pytest.approx(0.004)


def run_tile(config: dict[str, Any]) -> dict[str, Any]:
    if config["tile"] == 32:
        raise RuntimeError("no such tile")
    return {"run_ms": 64.0 / config["tile"], "cache": {"misses": config["tile"]}}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_an_experiment_that_ray_tune_wrote(tmp_path: Path) -> None:
    from ray import tune

    def fit(*tiles: int) -> None:
        tune.Tuner(
            run_tile,
            param_space={"tile": tune.grid_search(list(tiles))},
            run_config=tune.RunConfig(name="tiles", storage_path=str(tmp_path), verbose=0),
        ).fit()

    fit(8, 16, 32)
    hints = Hints(metric="run_ms")
    rows = imported(tmp_path / "tiles", tmp_path / "h", device="RTX 3090", hints=hints)
    by_tile = {json.loads(row.config)["tile"]: row for row in rows}
    assert by_tile[8].metrics == {"run_s": pytest.approx(0.008), "cache/misses": 8.0}
    assert by_tile[16].cost_s == pytest.approx(0.004)
    assert by_tile[32].status is Status.RUN_ERROR
    assert "no such tile" in by_tile[32].error
    assert {row.task for row in rows} == {"tiles"}
    fit(4, 64)  # into the same folder, under other names
    report = import_file(
        str(tmp_path / "tiles"), str(tmp_path / "h"), device="RTX 3090", hints=hints
    )
    assert (report.added, report.known) == (2, 3)


def optuna_storage(kind: str, file: Path) -> Any:
    """What Optuna is to write into a file."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    journal = optuna.storages.JournalStorage
    backend = optuna.storages.journal.JournalFileBackend
    return f"sqlite:///{file}" if kind == "optuna" else journal(backend(str(file)))


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Moves this machine into a time zone, spelled as POSIX does."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("version", "hour"), [("4.8.0", 0), ("5.0.0", 9)])
def test_times_of_a_data_base_are_of_the_zone_that_its_maker_writes(
    version: str, hour: int, tmp_path: Path, zone: Callable[[str], None]
) -> None:
    """This machine's before Optuna 5; the run has the same name wherever it is imported."""
    optuna = pytest.importorskip("optuna")
    file, into = tmp_path / "study", tmp_path / "h"
    study = optuna.create_study(storage=optuna_storage("optuna", file), study_name="tiles")
    asked = study.ask()
    asked.suggest_int("tile", 1, 8)
    study.tell(asked, 1.0)
    with sqlite3.connect(file) as base:
        base.execute("UPDATE version_info SET library_version = ?", (version,))
        base.execute("UPDATE trials SET datetime_start = '2024-01-01 08:59:00'")
        base.execute("UPDATE trials SET datetime_complete = '2024-01-01 09:00:00'")
    zone("JST-9")
    (row,) = imported(file, into, device="RTX 3090")
    assert (row.created_at, row.timing_s) == (datetime(2024, 1, 1, hour, tzinfo=UTC), 60.0)
    zone("EST5")
    assert import_file(str(file), str(into), device="RTX 3090").added == 0


@pytest.mark.parametrize(
    ("ended", "hour"), [("2024-01-01T09:00:00", 0), ("2024-01-01T09:00:00+00:00", 9)]
)
def test_times_of_a_journal_that_name_no_zone_are_this_machines(
    ended: str, hour: int, tmp_path: Path, zone: Callable[[str], None]
) -> None:
    *done, last = optuna_journal()
    file = lines(tmp_path / "study", *done, {**last, "datetime_complete": ended})
    zone("JST-9")
    (row,) = imported(file, tmp_path / "h", device="RTX 3090")
    assert row.created_at == datetime(2024, 1, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["optuna", "optuna-journal"])
def test_trials_of_optuna_that_end_after_an_import(kind: str, tmp_path: Path) -> None:
    """Each is there once, whenever it ended; a study that is called alike is another."""
    optuna = pytest.importorskip("optuna")

    def study_in(file: Path) -> Any:
        return optuna.create_study(storage=optuna_storage(kind, file), study_name="tiles")

    def asked(study: Any) -> Any:
        trial = study.ask()
        trial.suggest_int("tile", 1, 8)
        return trial

    file, into = tmp_path / "study", tmp_path / "h"
    study = study_in(file)
    slow, quick = asked(study), asked(study)
    study.tell(quick, 1.0)
    (row,) = imported(file, into, device="RTX 3090")
    assert row.trial == quick.number
    study.tell(slow, 2.0)
    study.tell(asked(study), 3.0)
    assert import_file(str(file), str(into), device="RTX 3090").added == 2
    other = study_in(tmp_path / "other")
    slow, quick = asked(other), asked(other)
    for trial, value in ((quick, 1.0), (slow, 4.0)):
        other.tell(trial, value)
        report = import_file(str(tmp_path / "other"), str(into), device="RTX 3090")
        assert report.added == 1
    for told in (file, tmp_path / "other"):
        rows = imported_again(told, into, device="RTX 3090")
    assert sorted((row.metrics or {})["value"] for row in rows) == [1.0, 1.0, 2.0, 3.0, 4.0]


Looks = list[tuple[str, tuple[float | None, ...], int]]
ONE_AFTER_ANOTHER: Looks = [("a", (1.0, 2.0), 2), ("b", (None, 3.0), 1), ("b", (4.0, 3.0), 1)]
AT_A_TIME: Looks = [
    *[("a", (None, 1.0), 1), ("b", (2.0, None), 1)],
    *[("a", (3.0, 1.0), 1), ("b", (2.0, 4.0), 1)],
]


@pytest.mark.parametrize("days", [("2024-01-01", "2024-02-01"), (None, None)])
@pytest.mark.parametrize("looks", [ONE_AFTER_ANOTHER, AT_A_TIME], ids=["after", "at a time"])
def test_studies_that_are_called_alike(
    looks: Looks, days: tuple[str | None, str | None], tmp_path: Path
) -> None:
    """Each trial of both is there once, in whatever order they end, also where nothing dates them.

    A look is the study that is imported, what its trials have told so far, and how many are new.
    """
    into = tmp_path / "h"
    for study, values, added in looks:
        file = optuna_study(tmp_path / study, *values, day=days[study == "b"])
        assert import_file(str(file), str(into), device="RTX 3090").added == added
    for study in "ab":
        rows = imported_again(tmp_path / study, into, device="RTX 3090")
    assert sorted((row.metrics or {})["value"] for row in rows) == [1.0, 2.0, 3.0, 4.0]
    assert days[0] is None or len({row.run_id for row in rows}) == 2


def test_a_study_under_two_metrics_is_two_tasks(tmp_path: Path) -> None:
    file, into = optuna_study(tmp_path / "study", 1.0, 2.0, direction=2), tmp_path / "h"
    for metric in ("gflops", "speed"):
        hints = Hints(metric=metric)
        report = import_file(str(file), str(into), device="RTX 3090", hints=hints)
        assert report.added == 2
        rows = imported_again(file, into, device="RTX 3090", hints=hints)
    assert {name for row in rows for name in row.metrics or {}} == {"gflops", "speed"}
    assert len({row.workload_key for row in rows}) == 2


def test_a_study_whose_later_trials_have_more_parameters_stays_one_task(tmp_path: Path) -> None:
    into, done = tmp_path / "h", optuna_journal()
    start, param, end = done[1:]
    more = {**param, "trial_id": 1, "param_name": "unroll"}
    second = [start, {**param, "trial_id": 1}, more, {**end, "trial_id": 1, "values": [0.25]}]
    for entries in (done, [*done, *second]):
        file = lines(tmp_path / "study", *entries)
        assert import_file(str(file), str(into), device="RTX 3090").added == 1
    first, last = imported_again(file, into, device="RTX 3090")
    assert first.workload_key == last.workload_key
    assert json.loads(last.config) == {"tile": 16, "unroll": 16}
    assert read_table(f"{into}#{last.workload_key}").space.size == 2


@pytest.mark.parametrize("kind", ["optuna", "optuna-journal"])
def test_optuna(kind: str, tmp_path: Path) -> None:
    """A storage that Optuna itself writes."""
    optuna = pytest.importorskip("optuna")
    file = tmp_path / "study"
    storage = optuna_storage(kind, file)

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


def test_a_journal_whose_studies_were_resumed_and_deleted(tmp_path: Path) -> None:
    """Optuna writes entries first and refuses them then: none of those counts."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = tmp_path / "journal"
    backend = optuna.storages.journal.JournalFileBackend(str(file))
    storage = optuna.storages.JournalStorage(backend)

    def run(name: str, direction: str, trials: int) -> Any:
        told = {"storage": storage, "study_name": name, "direction": direction}
        sampler = optuna.samplers.RandomSampler(seed=trials)
        study = optuna.create_study(sampler=sampler, load_if_exists=True, **told)
        study.optimize(lambda trial: float(trial.suggest_int("tile", 1, 8)), n_trials=trials)
        return study

    run("first", "minimize", 3)
    gone = run("gone", "minimize", 1)._study_id
    optuna.delete_study(study_name="gone", storage=storage)
    with pytest.raises(KeyError):
        storage.create_new_trial(gone)
    first = run("first", "minimize", 2)
    second = run("second", "maximize", 4)
    with pytest.raises(RuntimeError):
        storage.set_trial_state_values(first.trials[0]._trial_id, optuna.trial.TrialState.FAIL)
    asked = second.ask()
    with pytest.raises(ValueError, match="distribution"):
        asked.suggest_float("tile", 1.0, 8.0)
    second.tell(asked, state=optuna.trial.TrialState.FAIL)
    rows = imported(file, tmp_path / "h", device="RTX 3090")
    for study in (first, second):
        ours = [row for row in rows if row.task == study.study_name]
        assert [json.loads(row.config) for row in ours] == [one.params for one in study.trials]
        values = [(row.metrics or {}).get("value") for row in ours]
        assert values == [one.value for one in study.trials]
        best = min((row for row in ours if row.cost_s), key=lambda row: row.cost_s or 0.0)
        assert best.metrics == {"value": study.best_value}
    assert len(rows) == len(first.trials) + len(second.trials)
