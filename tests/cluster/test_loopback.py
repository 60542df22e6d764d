"""From nothing to a tuned network and back to nothing, with real SSH, `ray up` and `ray submit`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgtl_ray
from dgtl_ray.history import ParquetHistory
from tests.cluster.machine import IN_NAMESPACES, ROOT, why_not
from tests.networks import tiny

NETWORK = "tests.networks:tiny"
CLIENT, DASHBOARD = 10001, 8265
METRICS = {44217, 44227}

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "there can be a machine"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the journey went."""
    folder = tmp_path_factory.mktemp("journey")
    program = [sys.executable, "-m", "tests.cluster.journey", str(folder), NETWORK]
    with (folder / "journey.log").open("w") as log:
        done = subprocess.run(
            [*IN_NAMESPACES, *program],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    assert done.returncode == 0, (folder / "journey.log").read_text()[-6000:]
    return folder


@pytest.fixture(scope="module")
def seen(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "seen.json").read_text())
    return found


@pytest.mark.parametrize("run", ["submitted", "job"])
def test_results_are_where_they_were_asked_for(folder: Path, run: str) -> None:
    network, inputs = tiny()
    module = dgtl_ray.load(folder / "fetched" / run / "module")
    expected = network(*inputs).detach().numpy()
    np.testing.assert_allclose(module(inputs[0].numpy()), expected, rtol=1e-3, atol=1e-4)


def test_both_jobs_shared_one_history(folder: Path) -> None:
    rows = ParquetHistory(str(folder / "history")).measurements()
    by_run = {row.run_id: [r for r in rows if r.run_id == row.run_id] for row in rows}
    assert len(by_run) == 2
    assert not (folder / "fetched" / "job" / "history").exists()


def test_no_port_for_people_is_open_beyond_loopback(seen: dict[str, Any]) -> None:
    beyond = {port for address, port in seen["listeners"] if address != "127.0.0.1"}
    assert ["127.0.0.1", DASHBOARD] in seen["listeners"]
    assert not beyond & {CLIENT, DASHBOARD, *METRICS}
    assert [text for status, text in seen["metrics"] if status == 200] == []


def test_the_dashboard_wants_the_token(seen: dict[str, Any]) -> None:
    assert seen["dashboard_without_token"][0] in (401, 403)


def test_devices_are_listed(seen: dict[str, Any]) -> None:
    rows = [line.split() for line in seen["devices"].splitlines()]
    assert any({"cpu", "idle"} <= set(row) for row in rows)


def test_nothing_is_left_running(seen: dict[str, Any]) -> None:
    assert seen["left"] == []
