"""What clusters do to a search, done to real ones: several nodes, processes that are killed.

Building and timing are faked where the fault is not in a kernel. Whatever happens, the search ends
with the right answer; nothing that was reported is lost, nothing measured twice, nothing left over.
"""

import json
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow.dataset as ds
import pytest
from moto.server import ThreadedMotoServer

from dgtl_ray.core.measurement import Measurement, Stage, Status
from dgtl_ray.engine.health import DeviceState, Fault
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import Network, TargetSpec
from dgtl_ray.space import DesignSpace
from dgtl_ray.testing.cluster import (
    BUILD,
    DEVICE,
    LAYERS,
    Driver,
    LocalCluster,
    await_worker,
    left_over,
    local_cluster,
)
from dgtl_ray.testing.fakes import cost_of
from dgtl_ray.testing.simulation import Problem, SimulatedSearch
from tests.engine import kernels

pytestmark = pytest.mark.slow

TRIALS = 80
EARLY = 16
# For how long storage is away; more than it takes to be noticed where this is set.
OUTAGE_S = float(os.environ.get("DGTL_TEST_OUTAGE_S", "0"))
HEALTH = {"find_every_s": 0.5, "grace_s": 1.0, "quarantine_s": 1.0, "start_s": 60.0}

Start = Callable[..., tuple[Driver, SimulatedSearch]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(build_cpus=2, devices=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def problem(network: Network, spaces: list[DesignSpace], target: TargetSpec) -> Problem:
    """The two layers with large spaces."""
    large = sorted(range(len(spaces)), key=lambda k: -spaces[k].size)[:2]
    return Problem(
        tasks=[network.tasks[k] for k in large],
        spaces=[spaces[k] for k in large],
        target=target.json,
    )


@pytest.fixture
def start(cluster: LocalCluster, problem: Problem, tmp_path: Path) -> Iterator[Start]:
    """Start a search, any of it changed."""
    drivers: list[Driver] = []

    def begin(**changes: Any) -> tuple[Driver, SimulatedSearch]:
        file = tmp_path / "problem.json"
        problem.save(file)
        spec = SimulatedSearch(
            problem=str(file),
            address=cluster.address,
            history=str(tmp_path / "history"),
            spool=str(tmp_path / "spool"),
            trials=TRIALS,
            health=HEALTH,
        )
        spec = replace(spec, **changes)
        drivers.append(Driver(spec))
        return drivers[-1], spec

    yield begin
    for driver in drivers:
        driver.kill()


def rows_of(spec: SimulatedSearch) -> list[Measurement]:
    """The rows of a history, of which none is there twice."""
    rows = ParquetHistory(spec.history).measurements()
    assert ds.dataset(spec.history).count_rows() == len(rows)
    return rows


def check(
    driver: Driver, spec: SimulatedSearch, problem: Problem, noise: float = 0.0
) -> list[Measurement]:
    """Wait for the end and hold the search to its promises; the rows of its trials.

    `noise`: by how much timings of the same kernel differ.
    """
    end = driver.await_end()
    rows = rows_of(spec)
    assert set(driver.rows) <= {row.measurement_id for row in rows}
    searched = [row for row in rows if row.stage is not Stage.CONFIRM]
    assert len(searched) == spec.trials
    assert sorted(row.trial for row in rows) == list(range(len(rows)))
    assert Counter(Counter((r.workload_key, r.config) for r in searched).values()) == {
        1: spec.trials
    }
    for task, winner in zip(problem.tasks, end["winners"], strict=True):
        of_task = [row for row in rows if row.workload_key == task.workload_key]
        best_s = min(row.cost_s for row in of_task if row.cost_s is not None)
        won_s = [row.cost_s for row in of_task if row.config == winner and row.cost_s is not None]
        assert min(won_s) <= best_s * (1 + noise)
    assert left_over() == []
    return searched


def check_costs(rows: list[Measurement], problem: Problem) -> None:
    """Every measurement says what the fake timer gives its configuration."""
    space_of = {
        task.workload_key: space for task, space in zip(problem.tasks, problem.spaces, strict=True)
    }
    for row in rows:
        space = space_of[row.workload_key]
        schedule = space.schedule_of(space.row_of(row.config)) if row.config else ""
        assert row.status is Status.OK
        assert row.cost_s == pytest.approx(cost_of(schedule))


def faults_of(driver: Driver) -> Counter[str]:
    """How often devices failed, by kind."""
    assert driver.end is not None
    return sum((Counter(device["faults"]) for device in driver.end["devices"]), Counter())


@pytest.mark.long
def test_workers_are_killed_and_a_device_hangs(start: Start, problem: Problem) -> None:
    """One after the other in one search, which goes on after each."""
    driver, spec = start(trials=TRIALS + 4 * EARLY, timeout_s=1.0)
    driver.await_rows(EARLY)
    for kind in (DEVICE, LAYERS, BUILD):
        await_worker(kind).kill()
        driver.await_rows(len(driver.rows) + EARLY)
    await_worker(DEVICE).send_signal(signal.SIGSTOP)
    check_costs(check(driver, spec, problem), problem)
    assert faults_of(driver) == Counter({Fault.DIED: 1, Fault.HUNG: 1})


@pytest.mark.long
def test_a_node_is_removed_and_another_added(
    start: Start, cluster: LocalCluster, problem: Problem
) -> None:
    driver, spec = start(trials=3 * TRIALS, timing_s=0.06)
    driver.await_rows(EARLY)
    cluster.remove_timing_node(cluster.timing_nodes[0])
    driver.await_rows(len(driver.rows) + EARLY)
    cluster.add_timing_node()
    check_costs(check(driver, spec, problem), problem)
    assert driver.end is not None
    devices = driver.end["devices"]
    assert len(devices) == 3
    assert all(device["trials"] > 0 for device in devices)
    assert [device["state"] for device in devices].count(DeviceState.READY) == 2


def test_the_driver_is_killed_and_the_run_resumed(start: Start, problem: Problem) -> None:
    driver, spec = start()
    driver.await_rows(EARLY)
    driver.kill()
    assert left_over() == []
    file = Path(spec.spool) / "asked.jsonl"
    asked = [json.loads(line) for line in file.read_text().splitlines()]
    assert asked
    resumed, spec = start()
    rows = check(resumed, spec, problem)
    check_costs(rows, problem)
    assert set(driver.rows) <= {row.measurement_id for row in rows_of(spec)}
    assert not set(driver.rows) & set(resumed.rows)
    measured = {_key(row) for row in rows}
    assert {(entry["workload"], entry["config"]) for entry in asked} <= measured
    assert not file.exists()


@pytest.mark.long
def test_kernels_that_hang_crash_and_overwrite_cost_only_themselves(
    start: Start, problem: Problem
) -> None:
    before = timing_servers()
    driver, spec = start(
        trials=40,
        # On a busy machine one that crashes takes its time, too.
        timeout_s=2.0,
        builder="tests.engine.kernels:KernelBuilder",
        timer="dgtl_ray.measure:LocalTimer",
        health={**HEALTH, "grace_s": 20.0, "start_s": 120.0, "drift": 10.0},
    )
    expected = {
        kernels.SOUND: Status.OK,
        kernels.CRASHES: Status.RUN_ERROR,
        kernels.OVERWRITES: Status.RUN_ERROR,
        kernels.HANGS: Status.RUN_TIMEOUT,
    }
    space_of = {
        task.workload_key: space for task, space in zip(problem.tasks, problem.spaces, strict=True)
    }
    seen = set()
    for row in check(driver, spec, problem, noise=0.15):
        space = space_of[row.workload_key]
        schedule = space.schedule_of(space.row_of(row.config)) if row.config else ""
        nature = kernels.nature_of(schedule)
        assert row.status is expected[nature], (nature, row.error)
        seen.add(nature)
    assert seen == set(expected)
    assert faults_of(driver) == Counter()
    psutil.wait_procs(timing_servers() - before, timeout=30)
    assert timing_servers() <= before


@pytest.mark.long
def test_storage_fails_for_a_while(
    start: Start, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = f"scheme=http&endpoint_override={host}:{port}&allow_bucket_creation=true"
    # Enough trials for the search to outlast the outage.
    trials = int(3 * TRIALS + OUTAGE_S * 40)
    driver, spec = start(history=f"s3://bucket/history?{options}", trials=trials)
    driver.await_rows(EARLY)
    server.stop()
    back_at = time.monotonic() + OUTAGE_S
    before = len(driver.rows)
    driver.await_rows(before + 3 * EARLY)
    time.sleep(max(0.0, back_at - time.monotonic()))
    assert list(Path(spec.spool).glob("*.parquet"))
    server = ThreadedMotoServer(port=port, verbose=False)
    server.start()
    try:
        check_costs(check(driver, spec, problem), problem)
        assert not list(Path(spec.spool).glob("*.parquet"))
    finally:
        server.stop()


@pytest.mark.long
def test_two_runs_share_one_history(start: Start, problem: Problem) -> None:
    """Each on a cluster of its own, at the same time; the later one learns from the earlier."""
    first, spec = start(run_id="first")
    first.await_rows(EARLY)
    known = set(first.rows)
    second, _ = start(run_id="second", address="local")
    ends = [first.await_end(), second.await_end()]
    rows = rows_of(spec)
    searched = [row for row in rows if row.stage is not Stage.CONFIRM]
    assert Counter(row.run_id for row in searched) == {"first": TRIALS, "second": TRIALS}
    assert set(first.rows) | set(second.rows) == {row.measurement_id for row in rows}
    before = {_key(row) for row in rows if row.measurement_id in known and row.config}
    assert not before & {_key(row) for row in searched if row.run_id == "second"}
    for task, winner in zip(problem.tasks, ends[1]["winners"], strict=True):
        costs = {r.config: r.cost_s for r in rows if r.workload_key == task.workload_key}
        reachable = [
            r.cost_s
            for r in rows
            if r.workload_key == task.workload_key
            and (r.run_id == "second" or r.measurement_id in known)
            and r.cost_s is not None
        ]
        assert (costs[winner] or math.inf) <= min(reachable)


def _key(row: Measurement) -> tuple[str, str]:
    return row.workload_key, row.config


def timing_servers() -> set[psutil.Process]:
    """Processes of this test session from which candidates are forked."""
    return {process for process in psutil.process_iter(["cmdline"]) if _is_server(process)}


def _is_server(process: psutil.Process) -> bool:
    """Whether it times for a cluster of this test session."""
    if "dgtl_ray.measure.server" not in (process.info["cmdline"] or []):
        return False
    try:
        ours = process.environ().get("RAY_AUTH_TOKEN_PATH") == os.environ["RAY_AUTH_TOKEN_PATH"]
    except psutil.Error:
        return False
    return ours and process.status() != psutil.STATUS_ZOMBIE
