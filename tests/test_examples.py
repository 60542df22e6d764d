"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_network_is_tuned_and_its_history_read(tmp_path: Path) -> None:
    told = run("tune_network.py", str(tmp_path), "6")
    assert "GFLOP/s" in told
    assert float(told.split("largest difference")[1]) < 1e-3
    read = run("read_history.py", str(tmp_path / "tuned" / "history"))
    assert "fused_conv2d" in read
