"""What a run of a user's function is told of its histories."""

from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.core.function import FUNCTION_TARGET
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.function_tuner import FunctionJob
from dgtl_ray.history import ParquetHistory
from dgtl_ray.run.function_run import FunctionRun
from dgtl_ray.testing.measurements import EXAMPLE_DEVICE, example_measurement
from tests.functions import PARAMETERS, latency_s


class Notes(SilentMonitor):
    """What was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.parametrize("search", ["autotvm", "dgtl"])
def test_a_history_that_tells_nothing_is_told_of(search: str, tmp_path: Path) -> None:
    function: dict[str, Any] = {"target": FUNCTION_TARGET, "config": '{"other": 1}'}
    store = ParquetHistory(str(tmp_path / "history"))
    store.append([example_measurement(0), example_measurement(1, **function)])
    job = FunctionJob(function=latency_s, task="task", parameters=PARAMETERS, restrictions=())
    config = job.config(
        TuneConfig(search_alg=search), RunConfig(storage_path=tmp_path), [store.uri], resume=False
    )
    notes = Notes()
    assert not FunctionRun(config, notes)._learn([store], EXAMPLE_DEVICE).sources
    assert notes.told == [
        "history tells nothing of other functions or devices; 2 rows: 1 of networks,"
        " 1 with too few of its parameters"
    ]
