"""Timing a saved module in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dgtl_ray.core.child import ChildContender
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.deploy import module_contender
from dgtl_ray.measure.latency import compare_latency


@pytest.fixture
def contender(saved: Path) -> Iterator[ChildContender]:
    contender = module_contender("tuned", saved)
    contender.start()
    yield contender
    contender.close()


def _children() -> list[psutil.Process]:
    """Processes that time a module for this one."""
    return [p for p in psutil.Process().children() if "dgtl_ray.deploy.server" in p.cmdline()]


def _wait_until_gone(process: psutil.Process) -> None:
    process.wait(timeout=10)


def test_it_times_single_runs(contender: ChildContender) -> None:
    seconds = contender.time_s(0.01, 1000)
    assert 1 <= len(seconds) <= 1000
    assert all(0 < s < 1 for s in seconds)
    assert len(contender.time_s(10.0, 3)) == 3


def test_close_ends_the_process(contender: ChildContender) -> None:
    (child,) = _children()
    contender.close()
    _wait_until_gone(child)
    with pytest.raises(DgtlError, match="has to be started"):
        contender.time_s(0.01, 1)


def test_a_dead_process_is_an_error_and_no_hang(contender: ChildContender) -> None:
    (child,) = _children()
    child.send_signal(signal.SIGKILL)
    with pytest.raises(DgtlError, match="tuned ended with status -9"):
        contender.time_s(0.01, 1)


def test_what_cannot_be_loaded_does_not_stop_the_others(saved: Path, tmp_path: Path) -> None:
    result = compare_latency(
        [module_contender("missing", tmp_path / "none"), module_contender("tuned", saved)],
        rounds=2,
        min_time_s=0.01,
        settle_s=0.0,
    )
    assert "is no saved module" in result["missing"].error
    assert result["tuned"].runs >= 2
    assert not _children()


def test_it_ends_with_its_parent(saved: Path) -> None:
    program = f"""
from dgtl_ray.deploy import module_contender
contender = module_contender("tuned", {str(saved)!r})
contender.start()
print("ready", flush=True)
contender.time_s(3600.0, 10**9)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        (child,) = psutil.Process(parent.pid).children()
        time.sleep(0.1)
        os.kill(parent.pid, signal.SIGKILL)
    _wait_until_gone(child)
