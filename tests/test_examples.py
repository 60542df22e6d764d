"""The examples run as they stand."""

import os
import runpy
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.history.contest import LUCKY, STEADY, write_contest

EXAMPLES = Path(__file__).parent.parent / "examples"


def main_of(name: str, *arguments: str) -> None:
    """Run an example in this process, on the cluster that is here."""
    runpy.run_path(str(EXAMPLES / name))["main"](*arguments)


@pytest.mark.long
@pytest.mark.usefixtures("ray_cluster")
def test_a_network_is_tuned_and_its_history_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_of("tune_network.py", str(tmp_path), "6")
    told = capsys.readouterr().out
    assert "GFLOP/s" in told
    assert float(told.split("largest difference")[1]) < 1e-3
    main_of("read_history.py", str(tmp_path / "tuned" / "history"))
    assert "fused_conv2d" in capsys.readouterr().out


def test_a_history_is_read_by_times_taken_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_of("read_history.py", write_contest(str(tmp_path / "history")).uri)
    told = capsys.readouterr().out
    assert STEADY in told
    assert LUCKY not in told


def test_an_example_is_a_program() -> None:
    example = [sys.executable, str(EXAMPLES / "ask_and_tell.py"), "4"]
    done = subprocess.run(example, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "best: ({'x':" in done.stdout


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("quickstart.py", ["4"], "fastest: {'chunk':"),
        ("onnx_network.py", ["2"], "answers of shape (8, 32)"),
        ("c_kernel.py", ["3"], "fastest: {'tile':"),
        ("numpy_blocking.py", ["6"], "smallest: {'rows':"),
        ("command_flags.py", ["4"], "64"),
        ("restore_run.py", [], "10 trials, the best:"),
        ("ray_tune_searcher.py", ["3"], "fastest: {'block':"),
        ("history_in_s3.py", [], "second run: 4 trials; the best that is known: {'x':"),
        ("another_teams_history.py", ["4"], "fastest: {'block_size_x':"),
    ],
)
def test_an_example_of_a_folder(
    name: str, more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_of(name, str(tmp_path), *more)
    assert told in capsys.readouterr().out


def test_the_bucket_of_an_example_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    with ExitStack() as until:
        address = runpy.run_path(str(EXAMPLES / "history_in_s3.py"))["local_bucket"](until)
        (endpoint,) = parse_qs(urlsplit(address).query)["endpoint_override"]
        assert (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]) == (
            "test",
            "mine",
        )
    assert "AWS_ACCESS_KEY_ID" not in os.environ
    host, port = endpoint.split(":")
    with socket.socket() as client:
        assert client.connect_ex((host, int(port))) != 0


def test_every_example_is_short_and_run_here() -> None:
    here = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert len(example.read_text().splitlines()) <= 50, example.name
        assert f'"{example.name}"' in here, example.name
