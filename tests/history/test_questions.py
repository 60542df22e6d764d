"""The questions of docs/history.md, asked as it asks them, of rows whose answers are known."""

import json
import re
from math import exp
from pathlib import Path
from typing import Any

import pytest

from dgtl_ray.history import ParquetHistory, append_to_dataset, export, select_best
from dgtl_ray.testing.measurements import example_measurement
from tests.history.contest import STEADY, write_contest

_DOCS = Path(__file__).parents[2] / "docs" / "history.md"


@pytest.fixture(params=["plain", "growing"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An export of 16 configurations: tile decides, unroll hardly does, pad not at all."""
    rows = []
    for trial in range(16):
        config = {"tile": trial & 3, "unroll": trial >> 2 & 1, "pad": trial >> 3}
        cost_s = 1e-3 * exp(config["tile"] + 0.1 * config["unroll"])
        told = {"config": json.dumps(config), "encoding": (float(trial), 1.0)}
        rows.append(example_measurement(trial, cost_s=cost_s, **told))
    store = ParquetHistory(str(tmp_path / "history"))
    store.append(rows)
    folder = str(tmp_path / "out")
    if request.param == "plain":
        export(store.uri, folder)
    else:
        append_to_dataset(store.uri, folder)
    return folder


def answers(out: str) -> dict[str, Any]:
    """Every name that the section's code leaves behind."""
    section = _DOCS.read_text().partition("## Three questions")[2].partition("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {"out": out}
    for block in blocks:
        exec(block, names)
    return names


def test_the_three_questions(out: str) -> None:
    told = answers(out)
    ((task, device_key, config, cost_s),) = told["fastest"]
    assert (task, device_key) == ("fused_conv2d", "cpu/example/2")
    assert (json.loads(config)["tile"], cost_s) == (0, pytest.approx(1e-3))
    assert told["features"].shape == (16, 2)
    assert told["target"].shape == (16,)
    assert set(told["groups"]) == {"workload"}
    assert told["matters"]["tile"] > 0.99
    assert told["matters"]["unroll"] == pytest.approx(0.002, abs=0.001)
    assert told["matters"]["pad"] == pytest.approx(0.0, abs=1e-9)


def test_only_times_taken_alike_are_compared(tmp_path: Path) -> None:
    """The answer is the configuration that a run would choose."""
    store = write_contest(str(tmp_path / "history"))
    export(store.uri, str(tmp_path / "out"))
    told = answers(str(tmp_path / "out"))
    ((_, device_key, config, cost_s),) = told["fastest"]
    rows = store.measurements()
    chosen = select_best(
        rows, workload_key="workload", device_key=device_key, target=rows[0].target
    )
    assert chosen is not None
    assert chosen.config == config == STEADY
    assert chosen.latency_s == pytest.approx(3e-3)
    assert cost_s == pytest.approx(3e-3)
    assert told["target"].shape == (3,)
