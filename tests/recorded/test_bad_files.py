"""Files that are broken, or made to harm: one message each, and a history as it was."""

import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgtl_ray.core.errors import InputError
from dgtl_ray.history import ParquetHistory, check_history
from dgtl_ray.recorded.formats import bounded
from dgtl_ray.recorded.formats.detect import IMPORTERS
from dgtl_ray.recorded.formats.task import Hints, Importer
from dgtl_ray.recorded.importing import import_file
from dgtl_ray.testing.recorded import made_up_cache
from tests.recorded.format_files import (
    ansor,
    autotvm_v01,
    autotvm_v02,
    ktt,
    ktt_result,
    lines,
    metaschedule,
    optuna_journal,
    ray_report,
    ray_trial,
)

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
DEEP = '{"cache": ' + "[" * 100_000 + "]" * 100_000 + ', "tune_params_keys": []}'


@pytest.fixture
def history(tmp_path: Path) -> str:
    """A history with rows of a good file."""
    file = tmp_path / "good.json"
    file.write_text(json.dumps(made_up_cache()))
    import_file(str(file), str(tmp_path / "h"))
    return str(tmp_path / "h")


def refused(file: Path, history: str, **options: Any) -> str:
    """What is said of a file; the history stays as it was."""
    before = sorted((path.name, path.read_bytes()) for path in Path(history).iterdir())
    with pytest.raises(InputError) as caught:
        import_file(str(file), history, **options)
    assert sorted((path.name, path.read_bytes()) for path in Path(history).iterdir()) == before
    return str(caught.value)


def cache(**changes: Any) -> str:
    return json.dumps(made_up_cache() | changes)


def one_entry(**told: Any) -> str:
    entry = next(iter(made_up_cache()["cache"].values()))
    return cache(cache={"1": entry | told})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("  \n ", "is empty"),
        (LFS, "is a Git LFS pointer, not the file that it stands for: run `git lfs pull`"),
        ("hello", "is of no format that is read here"),
        ("\x00\x01\x02", "is of no format that is read here"),
        (DEEP, "nested too deeply"),
        ('{"tune_params_keys": ["a"], "cache": {"1": {"a": ', "damaged"),
        ('{"tune_params_keys": ["a"], "cache": []}', "no object `cache`"),
        ('{"tune_params_keys": 3, "cache": {"1": {}}}', "no cache file of Kernel Tuner"),
        (one_entry(tile=float("nan")), "a knob holds what no model can take"),
        (one_entry(tile=10**40), "a knob holds what no model can take"),
        (one_entry(tile=1).replace('"tile": 1', '"tile": ' + "9" * 5000), "damaged"),
        ("gAN9cQAu\tgAN9cQAu\t1\n", "is an AutoTVM log of pickles"),
        (json.dumps(autotvm_v02(config={"entity": 3})), "line 1 is no record of AutoTVM"),
        (json.dumps(autotvm_v02(result=[])), "line 1 is no record of AutoTVM"),
        (json.dumps(ansor() | {"i": []}), "line 1 is no record of Ansor"),
        (json.dumps(autotvm_v01()) + "\n{torn\n" + json.dumps(autotvm_v01()), "line 2 is damaged"),
        ('{"Metadata": {"TimeUnit": "Seconds"}}', "is no output of KTT"),
    ],
    ids=range(18),
)
def test_broken_files_are_refused(tmp_path: Path, history: str, content: str, message: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    assert message in refused(file, history, device="RTX 3090")


def test_a_last_line_that_is_torn_off_is_left_out(tmp_path: Path) -> None:
    whole = lines(tmp_path / "log.json", autotvm_v02(index=0), autotvm_v02(index=1))
    whole.write_text(whole.read_text()[:-40])
    assert import_file(str(whole), str(tmp_path / "h")).added == 1


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, history: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_BYTES", 1 << 20)
    bomb = tmp_path / "bomb.json.gz"
    content = made_up_cache() | {"tune_params": " " * (4 << 20)}
    bomb.write_bytes(gzip.compress(json.dumps(content).encode()))
    assert bomb.stat().st_size < 100_000
    assert "more than 1 MiB" in refused(bomb, history)
    torn = tmp_path / "torn.json.gz"
    torn.write_bytes(bomb.read_bytes()[:1000])
    assert "cannot read" in refused(torn, history)


def test_pickles_are_refused_however_they_are_packed(tmp_path: Path, history: str) -> None:
    log = tmp_path / "log.gz"
    log.write_bytes(gzip.compress(b"gAN9cQAu\tgAN9cQAu\t1\n"))
    for file_format in ("", "autotvm"):
        told = refused(log, history, file_format=file_format, device="RTX 3090")
        assert "is an AutoTVM log of pickles" in told


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.name)
def test_a_format_that_is_insisted_on(tmp_path: Path, history: str, importer: Importer) -> None:
    """Every one says what is wrong with a path that holds nothing of its own."""
    insisted = {"file_format": importer.name, "device": "host"}
    (tmp_path / "folder").mkdir()
    pointer = tmp_path / "pointer"
    pointer.write_text(LFS)
    for path in (tmp_path / "nothing", tmp_path / "folder", pointer):
        assert str(path) in refused(path, history, **insisted)
    no_files = importer.name == "ray-tune"
    message = "is no folder" if no_files else "is a Git LFS pointer"
    assert message in refused(pointer, history, **insisted)


def test_data_bases_that_are_none_of_optunas(tmp_path: Path, history: str) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as base:
        base.execute("CREATE TABLE studies (study_id INTEGER)")
    assert "is no storage of Optuna" in refused(other, history, device="host")
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    assert "is no storage of Optuna" in refused(damaged, history, device="host")


def storage(path: Path, trials: str, *changes: str) -> Path:
    """A data base with the tables of Optuna's that are read, in few columns."""
    with sqlite3.connect(path) as base:
        for table in (
            "studies (study_id, study_name)",
            "study_directions (study_id, direction, objective)",
            "trial_params (param_id, trial_id, param_name, param_value, distribution_json)",
            "trial_values (trial_id, objective, value)",
            "version_info (library_version)",
        ):
            base.execute(f"CREATE TABLE {table}")
        base.execute("INSERT INTO studies VALUES (1, 'tiles')")
        base.execute("INSERT INTO study_directions VALUES (1, 'MINIMIZE', 0)")
        base.execute("INSERT INTO version_info VALUES ('5.0.0')")
        base.execute(trials)
        for change in changes:
            base.execute(change)
    return path


COLUMNS = "trial_id, number, study_id, state, datetime_start, datetime_complete"
TRIALS = f"CREATE TABLE trials ({COLUMNS})"
FAILED = "INSERT INTO trials VALUES (1, 0, 1, 'FAIL', NULL, NULL)"


def test_views_are_none_of_optunas_tables(tmp_path: Path, history: str) -> None:
    """What a view tells takes no room in the file: nothing bounds it."""
    import_file(str(storage(tmp_path / "fine.db", TRIALS, FAILED)), history, device="host")
    view = "CREATE VIEW trials AS SELECT 1 AS trial_id, 1 AS number, 1 AS study_id, 'FAIL' AS state"
    assert "has no table trials" in refused(storage(tmp_path / "v.db", view), history)


def test_large_data_bases_are_refused(
    tmp_path: Path, history: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the file's size, and by what is read of it, which may be more."""
    trials = [FAILED.replace("(1, 0", f"({k}, {k}") for k in range(1, 2000)]
    many = storage(tmp_path / "many.db", TRIALS, *trials)
    monkeypatch.setattr(bounded, "MOST_BYTES", many.stat().st_size)
    assert many.stat().st_size < 2000 * 64
    assert "holds more than" in refused(many, history, device="host")
    monkeypatch.setattr(bounded, "MOST_BYTES", many.stat().st_size - 1)
    assert "holds more than" in refused(many, history, device="host")


def test_names_lead_nowhere(tmp_path: Path) -> None:
    """Of a kernel, or of a knob: what looks like a path is a text."""
    data = made_up_cache() | {"kernel_name": "../../../etc/passwd"}
    file = tmp_path / "k.json"
    file.write_text(json.dumps(data))
    import_file(str(file), str(tmp_path / "h"))
    assert {path.name for path in tmp_path.iterdir()} == {"k.json", "h"}
    assert all(path.suffix == ".parquet" for path in (tmp_path / "h").iterdir())


def test_a_missing_file_and_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nothing"):
        import_file(str(tmp_path / "nothing"), str(tmp_path / "h"))
    with pytest.raises(InputError, match=r"no format 'tar'; there are: optuna, .*ansor"):
        import_file(str(tmp_path), str(tmp_path / "h"), file_format="tar")
    assert not (tmp_path / "h").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def _cache_of(value: Any, place: str) -> str:
    return cache(**{place: value})


def _entry_of(value: Any, place: str) -> str:
    return one_entry(**{place: value})


def _line_of(value: Any, place: str) -> str:
    return json.dumps(autotvm_v02(**{place: value}))


def _ansor_of(value: Any, place: str) -> str:
    return json.dumps(ansor() | {place: value})


def _ktt_of(value: Any, place: str) -> str:
    data = ktt(ktt_result(8) | {place: value}) | {place: value}
    return json.dumps(data | {"Metadata": ktt()["Metadata"] | {place: value}})


def _journal_of(value: Any, place: str) -> str:
    entries = [one | {place: value} if place in one else one for one in optuna_journal()]
    return "\n".join(json.dumps(one) for one in entries)


PLACES: list[tuple[Callable[[Any, str], str], str]] = [
    *((_cache_of, place) for place in made_up_cache()),
    *((_entry_of, place) for place in ("tile", "time", "times", "compile_time", "timestamp")),
    *((_line_of, place) for place in ("input", "config", "result", "tvm_version")),
    *((_ansor_of, place) for place in ("i", "r", "v")),
]
KTT_PLACES = ("Results", "Configuration", "Status", "TotalDuration", "TimeUnit", "Device")
JOURNAL_PLACES = dict.fromkeys(place for entry in optuna_journal() for place in entry)
MORE_PLACES: list[tuple[Callable[[Any, str], str], str]] = [
    *((_ktt_of, place) for place in KTT_PLACES),
    *((_journal_of, place) for place in JOURNAL_PLACES),
]


def read_or_refused(path: Path, history: Path, **options: Any) -> None:
    """An error of ours, or rows that keep their promises."""
    try:
        import_file(str(path), str(history), device="RTX 3090", **options)
    except InputError:
        return
    assert check_history(ParquetHistory(str(history))).ok


@settings(max_examples=60, derandomize=True)
@given(value=JSON, place=st.sampled_from(PLACES), name=st.sampled_from(IMPORTERS))
def test_any_value_in_any_place_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: Any, place: Any, name: Any
) -> None:
    """Whoever reads it."""
    folder = tmp_path_factory.mktemp("any")
    build, key = place
    file = folder / "file.json"
    file.write_text(build(value, key))
    for file_format in ("", name.name):
        read_or_refused(file, folder / "h", file_format=file_format)


@settings(max_examples=60, derandomize=True)
@given(value=JSON, place=st.sampled_from(MORE_PLACES))
def test_any_value_in_any_place_of_ktts_and_optunas_files(
    tmp_path_factory: pytest.TempPathFactory, value: Any, place: Any
) -> None:
    folder = tmp_path_factory.mktemp("any")
    build, key = place
    file = folder / "file.json"
    file.write_text(build(value, key))
    read_or_refused(file, folder / "h", file_format="ktt" if build is _ktt_of else "optuna-journal")


@settings(max_examples=30, derandomize=True)
@given(value=JSON, place=st.sampled_from([(0,), (1,), (1, 0), (1, 0, 1), (1, 1), (1, 2), (1, 3)]))
def test_any_value_in_any_place_of_metaschedules_records(
    tmp_path_factory: pytest.TempPathFactory, value: Any, place: tuple[int, ...]
) -> None:
    folder = metaschedule(tmp_path_factory.mktemp("any"))
    file = folder / "database_tuning_record.json"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    *above, last = place
    inside = records[0]
    for step in above:
        inside = inside[step]
    inside[last] = value
    lines(file, *map(json.dumps, records))
    read_or_refused(folder, folder / "h")


@settings(max_examples=30, derandomize=True)
@given(value=JSON, place=st.sampled_from(["params", "tile", "report", *ray_report(1, run_ms=1.0)]))
def test_any_value_in_any_place_of_ray_tunes_files(
    tmp_path_factory: pytest.TempPathFactory, value: Any, place: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    told = value if place == "report" else ray_report(1, run_ms=1.0) | {place: value}
    parameters = value if place == "params" else {"tile": value if place == "tile" else 8}
    ray_trial(folder / "tune" / "t_0", parameters, json.dumps(told))
    read_or_refused(folder / "tune", folder / "h", hints=Hints(metric="run_ms"))
