"""The examples run as they stand."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_every_example_is_short_and_run_here() -> None:
    here = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert len(example.read_text().splitlines()) <= 50, example.name
        assert f'"{example.name}"' in here, example.name
