"""`dgtl replay`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dgtl_ray.cli import app
from dgtl_ray.testing.recorded import made_up_cache


def dgtl(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", *arguments])


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "kernel_A100.json"
    path.write_text(json.dumps(made_up_cache()))
    return str(path)


def test_replays_and_reports(table: str, tmp_path: Path) -> None:
    other = tmp_path / "kernel_W6600.json"
    other.write_text(json.dumps(made_up_cache("AMD Radeon PRO W6600")))
    out = tmp_path / "out.json"
    sizes = ("--trials", "32", "--seeds", "2", "--history-rows", "20")
    result = dgtl(table, "--history", str(other), "--search", "random", *sizes, "--json", str(out))
    assert result.exit_code == 0, result.output
    assert "kernel_A100, random" in result.output
    told = [line.split()[0] for line in result.output.splitlines() if line.strip()[:1].isdigit()]
    assert told == ["8", "16", "32"]
    report = json.loads(out.read_text())
    assert [run["seed"] for run in report["runs"]] == [0, 1]
    assert all(len(run["best_s"]) == 32 for run in report["runs"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--search", "luck"], "unknown search 'luck'"), (["--history", "no.json"], "no.json")],
)
def test_what_cannot_be_used_is_one_message(table: str, arguments: list[str], message: str) -> None:
    result = dgtl(table, *arguments, "--trials", "8", "--seeds", "1")
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_what_counts_may_be_named(tmp_path: Path) -> None:
    cache = made_up_cache() | {"objective": "joy"}
    for entry in cache["cache"].values():
        entry["joy"] = float(entry["tile"])
    path = tmp_path / "kernel_A100.json"
    path.write_text(json.dumps(cache))
    sizes = ("--search", "random", "--trials", "8", "--seeds", "1")
    assert "give --mode" in dgtl(str(path), *sizes).output
    for named in (("--mode", "max"), ("--metric", "time")):
        result = dgtl(str(path), "--history", str(path), *named, *sizes)
        assert result.exit_code == 0, result.output
