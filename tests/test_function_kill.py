"""A function's run that is killed, and restored."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import ray

import dgtl_ray
from dgtl_ray.history import ParquetHistory
from tests.functions import PARAMETERS, RESTRICTIONS
from tests.killed_function import Slow

pytestmark = pytest.mark.slow

BEFORE = 7


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


def kill_amid(folder: Path) -> None:
    """Begin a run in another process, and kill it after some calls."""
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-m", "tests.killed_function", str(folder), address]
    with subprocess.Popen(command) as process:
        while len(calls(folder)) < BEFORE:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()


def undisturbed(trials: int) -> list[str]:
    """What a search that nobody kills proposes, in turn."""
    asking = dgtl_ray.ask_tell(
        PARAMETERS, restrictions=RESTRICTIONS, search="random", task=Slow.__name__
    )
    # Four at a time, as the engine asks.
    return [str(trial.config) for _ in range(trials // 4) for trial in asking.ask(4)]


@pytest.mark.usefixtures("ray_cluster")
def test_nothing_is_lost_nothing_is_run_twice_and_the_same_comes_next(tmp_path: Path) -> None:
    killed = tmp_path
    kill_amid(killed)
    durable = [row.config for row in ParquetHistory(str(killed / "run/history")).measurements()]
    assert durable
    begun = len(calls(killed))
    grid = dgtl_ray.Tuner.restore(killed / "run", Slow(killed)).fit()
    assert len(grid) == 24
    called = Counter(calls(killed))
    twice = [config for config, count in called.items() if count > 1]
    # What was in flight; a call that had ended, but was not durable yet, is one more.
    assert set(twice) <= set(calls(killed)[:begun][-2:])
    assert not {str(json.loads(config)) for config in durable} & set(twice)
    assert {json.dumps(dict(result.config)) for result in grid} >= set(durable)
    assert list(dict.fromkeys(calls(killed))) == undisturbed(24)
