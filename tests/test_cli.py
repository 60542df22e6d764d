"""The command line: what it prints, and that bad input ends with one message and status 2."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dgtl_ray import __version__
from dgtl_ray.cli import app
from dgtl_ray.commands.common import Acquisition
from dgtl_ray.commands.tuning import histories_of
from dgtl_ray.core.acquisition import ACQUISITIONS
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.recorded import made_up_cache

NETWORK = "tests.networks:tiny"


def dgtl(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune", "resnet81"], "unknown network 'resnet81'"),
        (["tune", NETWORK, "--target", "tpu"], "unknown target 'tpu'"),
        (["tune", NETWORK, "--target", "{"], "not valid JSON"),
        (["tune", NETWORK, "--trials", "-3"], "give 0 or more"),
        (["tune", NETWORK, "--seed", "-1"], "greater than or equal to 0"),
        (["tune-command", "p {n}", "--param", "n=8", "--seed", "-1"], "greater than or equal to 0"),
        (["tune", NETWORK, "--time-budget", "8 minutes"], "8m, 90s or 1h30m"),
        (["tune", NETWORK, "--algorithms", "direct,fft"], "direct, winograd, matmul"),
        (["tune", NETWORK, "--json", "/no/such/folder/x.json"], "there is no folder"),
        (["tune", NETWORK, "--history", "/no/such/history"], "no history at"),
        (["tune", "tests.networks:missing"], "no missing"),
        (["tune", NETWORK, "--search", "dgtl", "--model", "/no/such"], "no pre-trained model"),
        (["tune", NETWORK, "--search", "random", "--model", "/no/such"], "takes no model"),
        (["tune-command", "p {n}", "--param", "n=8", "--param", "n=9"], "n is given twice"),
        (["pretrain", "/no/such/history", "--out", "model"], "no history at"),
        (["bench", "layers"], "by --runs"),
        (["bench", "networks"], "needs networks"),
        (["bench", "noise", "resnet18"], "unexpected extra argument"),
        (["run", "/no/such/module"], "is no saved module"),
        (["history", "ls", "/no/such/history"], "no history at"),
    ],
)
def test_bad_input_is_one_message_and_status_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = dgtl(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_every_acquisition_can_be_asked_for() -> None:
    assert tuple(name.value for name in Acquisition) == ACQUISITIONS


def test_the_version_is_told() -> None:
    result = dgtl("--version")
    assert result.exit_code == 0
    assert result.output == f"dgtl {__version__}\n"


def test_an_unknown_search_is_refused_with_the_known_ones() -> None:
    result = dgtl("tune", NETWORK, "--search", "oracle")
    assert result.exit_code == 2
    assert "evolutionary" in result.output


def test_tasks_are_listed(tmp_path: Path) -> None:
    result = dgtl("tasks", NETWORK, "--json", str(tmp_path / "tasks.json"))
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "tasks.json").read_text())
    assert {"conv2d", "max_pool2d", "dense"} <= {row["operator"] for row in rows}
    assert all(row["design space"] > 0 for row in rows)
    assert "conv2d" in result.output


def test_a_history_is_listed_and_exported(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path / "history"))
    history.append([example_measurement(trial=k) for k in range(3)])
    listed = dgtl("history", "ls", history.uri)
    assert listed.exit_code == 0, listed.output
    exported = dgtl(
        "history", "export", history.uri, "--out", str(tmp_path / "out"), "--where", "trial > 0"
    )
    assert exported.exit_code == 0, exported.output
    assert "2 rows" in exported.output
    assert dgtl("history", "export", history.uri, "--out", str(tmp_path / "out")).exit_code == 2


def test_a_model_needs_enough_history(tmp_path: Path) -> None:
    history = ParquetHistory(str(tmp_path / "history"))
    history.append([example_measurement(trial=k) for k in range(3)])
    result = dgtl("pretrain", history.uri, "--out", str(tmp_path / "model"))
    assert result.exit_code == 2
    assert "no task to learn from, with 8 cpu latencies or more" in result.output
    assert not (tmp_path / "model").exists()


def test_a_model_for_gpus_is_made_where_there_is_none(tmp_path: Path) -> None:
    history = str(Path(__file__).parents[1] / "examples" / "histories" / "h100")
    out = tmp_path / "model"
    result = dgtl("pretrain", history, "--out", str(out), "--target", "cuda")
    assert result.exit_code == 0, result.output
    assert (out / "model.safetensors").exists()


def test_the_doctor_names_what_is_there() -> None:
    result = dgtl("doctor")
    assert result.exit_code == 0, result.output
    for word in ("CPU cores", "TVM", "linker", "NVIDIA GPU"):
        assert word in result.output


@pytest.mark.parametrize("name", ["space", "noise", "cuda"])
@pytest.mark.long
def test_a_benchmark_has_a_smoke_run(name: str, tmp_path: Path) -> None:
    smoke_run(name, tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_benchmark_of_the_rate_has_a_smoke_run(ray_cluster: None, tmp_path: Path) -> None:
    smoke_run("rate", tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_benchmark_of_scale_has_a_smoke_run(tmp_path: Path) -> None:
    """In a process of its own: it brings clusters up, and this one may have one already."""
    command = [sys.executable, "-m", "dgtl_ray", *smoke("scale", tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_report(tmp_path)


def smoke(name: str, folder: Path) -> list[str]:
    return ["bench", name, "--quick", "--json", str(folder / "bench.json")]


def smoke_run(name: str, folder: Path) -> None:
    result = dgtl(*smoke(name, folder))
    assert result.exit_code == 0, result.output
    check_report(folder)


def check_report(folder: Path) -> None:
    report = json.loads((folder / "bench.json").read_text())
    assert report["settings"]["quick"] is True
    assert report["machine"]["tvm"]
    assert report["figures"]


def test_any_program_has_its_flags_tuned(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'import sys; print(abs(int(sys.argv[1]) - 3))' {{n}}"
    metric = ("--metric", "away_from_three", "--repeats", "1")
    where = ("--search", "random", "--trials", "6", "--out", str(tmp_path / "run"))
    result = dgtl("tune-command", command, "--param", "n=1..6", *metric, *where)
    assert result.exit_code == 0, result.output
    first = next(line.split() for line in result.output.splitlines() if line.split()[-1:] == ["3"])
    assert first == ["0", "3"]


def test_a_history_is_looked_at(tmp_path: Path) -> None:
    uri = str(tmp_path / "history")
    ParquetHistory(uri).append([example_measurement(k) for k in range(3)])
    assert "3 rows read; all is well" in dgtl("history", "verify", uri).output
    assert "3 rows added" in dgtl("history", "merge", uri, "--into", f"{uri}2").output
    assert "measurements" in dgtl("history", "stats", f"{uri}2").output
    assert "1 of 3 rows" in dgtl("history", "show", uri, "--rows", "1").output
    assert "nothing to merge" in dgtl("history", "compact", uri).output


@pytest.mark.parametrize(
    "looking",
    [
        ["ls"],
        ["stats"],
        ["show"],
        ["verify"],
        ["compact"],
        ["merge", "--into", "into"],
        ["export", "--out", "out"],
        ["export", "--out", "out.parquet"],
        ["export", "--out", "out", "--append"],
        *(["export", "--out", "out", "--format", name] for name in ("csv", "kernel-tuner")),
        ["export", "--out", "out", "--format", "metaschedule"],
    ],
    ids=" ".join,
)
def test_a_folder_without_a_history_is_none_to_every_command(
    looking: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "history").mkdir(parents=True)
    command, *options = looking
    result = dgtl("history", command, "run", *options)
    assert result.exit_code == 2
    assert "run holds no measurements: name the folder of a history" in result.output
    ParquetHistory("run/history").append([example_measurement()])
    assert "run/history does: name that" in dgtl("history", command, "run", *options).output
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_another_tuners_file_is_imported_and_written_again(tmp_path: Path) -> None:
    cache, uri, out = tmp_path / "cache.json", str(tmp_path / "history"), tmp_path / "out.json"
    cache.write_text(json.dumps(made_up_cache()))
    count = len(made_up_cache()["cache"])
    imported = dgtl("history", "import", str(cache), "--into", uri)
    assert imported.exit_code == 0, imported.output
    assert "kernel-tuner, 1 task(s) on NVIDIA A100-PCIE-40GB; " in imported.output
    assert f"{count} rows added, 0 were there already" in imported.output
    again = dgtl("history", "import", str(cache), "--into", uri, "--format", "kernel-tuner")
    assert f"0 rows added, {count} were there already" in again.output
    assert dgtl("history", "import", str(cache), "--into", uri, "--format", "x").exit_code == 2
    exported = exports(uri, str(out), "--format", "kernel-tuner")
    assert exported == f"{count} configurations: {out}\n"
    assert len(json.loads(out.read_text())["cache"]) == count


def test_a_history_is_exported_to_what_others_read(tmp_path: Path) -> None:
    uri = str(tmp_path / "history")
    ParquetHistory(uri).append([example_measurement(k) for k in range(3)])
    (tmp_path / "history" / "torn.parquet").write_bytes(b"torn")
    damaged = f"left out, damaged: {tmp_path / 'history' / 'torn.parquet'}\n"
    data, file, sheet = (str(tmp_path / name) for name in ("data", "rows.parquet", "rows.csv"))
    grown = exports(uri, data, "--append", "--where", "trial < 2")
    assert grown == f"{data}: 2 rows added in 1 file(s), 0 were there\n{damaged}"
    assert exports(uri, data, "--append").startswith(f"{data}: 1 rows added in 1 file(s), 2 were")
    assert exports(uri, file).startswith("3 rows, ")
    assert exports(uri, sheet, "--format", "csv") == f"3 rows: {sheet}\n{damaged}"
    assert len(Path(sheet).read_text().splitlines()) == 4
    for form in (["--append"], ["--format", "csv"], ["--format", "kernel-tuner"], []):
        nothing = ["--out", str(tmp_path / "none"), "--where", "trial < 0", *form]
        result = dgtl("history", "export", uri, *nothing)
        assert result.exit_code == 2
        assert "matches: there is nothing to export" in result.output
        assert damaged in result.output
    assert not (tmp_path / "none").exists()


def test_a_history_is_exported_to_a_database_of_metaschedule(tmp_path: Path) -> None:
    target = parse_target("cpu")
    task = load_network(NETWORK, target).tasks[0]
    named: dict[str, Any] = {
        "network": NETWORK,
        "task": task.name,
        "workload_key": task.workload_key,
    }
    uri, out = str(tmp_path / "history"), tmp_path / "database"
    row = example_measurement(target=target.json, config="", encoding=(), **named)
    ParquetHistory(uri).append([row])
    told = exports(uri, str(out), "--format", "metaschedule")
    assert f" layers: {out}\n" in told
    assert told.startswith("1 of ")
    names = {path.name for path in out.iterdir()}
    assert names == {"database_workload.json", "database_tuning_record.json"}


def exports(uri: str, out: str, *options: str) -> str:
    """What an export says."""
    result = dgtl("history", "export", uri, "--out", out, *options)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("named", "model", "learned_from"),
    [
        (None, None, ["builtin"]),
        (None, Path("model"), []),
        (["none"], None, []),
        (["r18/history"], None, ["r18/history"]),
        (["r18/history", "builtin"], Path("model"), ["r18/history", "builtin"]),
    ],
)
def test_a_search_learns_from_what_ships_unless_told_otherwise(
    named: list[str] | None, model: Path | None, learned_from: list[str]
) -> None:
    assert list(histories_of(named, model)) == learned_from
