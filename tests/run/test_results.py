"""What a network's run kept, read without a search."""

from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.run.results import Result, ResultGrid, finished_grid
from dgtl_ray.testing.runs import example_state


def layer(task: str, **latencies: float | None) -> Result:
    fields: dict[str, Any] = {"latency_s": 1.0, "measured_s": 1.0, "default_s": None, **latencies}
    return Result(
        task=task,
        operator="conv2d",
        workload_key=task,
        flop=1.0,
        weight=1,
        config="",
        trials=1,
        failed=0,
        **fields,
    )


def test_what_a_layer_gained_is_told_by_times_that_compare() -> None:
    """In the network a layer may take longer than alone, whatever its schedule."""
    summary: Any = None
    layers = [
        layer("unknown", latency_s=1.0, default_s=9.0),
        layer("little", latency_s=2.0, default_s=5.0, alone_s=4.0),
        layer("most", latency_s=6.0, default_s=5.0, alone_s=1.0),
    ]
    assert ResultGrid(layers, summary).get_best_result().task == "most"


def test_a_run_that_has_not_ended_has_no_results(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    with pytest.raises(InputError, match="has not ended"):
        finished_grid(folder)


def test_damaged_results_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(example_state(), resume=False)
    folder.save_result({"layers": [{"name": "dense"}], "sources": []})
    with pytest.raises(InputError, match=f"{tmp_path} kept is damaged"):
        finished_grid(folder)
