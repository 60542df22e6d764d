"""Servers forked from one process that has imported what they need."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client
from pathlib import Path

import psutil
import pytest

from dgtl_ray.measure.pool import WorkerPool
from dgtl_ray.measure.protocol import Ending
from dgtl_ray.measure.stem import end_stem, start_stem
from tests.measure.conftest import is_running, scratch_roots

JOB = "tests.measure.jobs:obedient_job"


@pytest.fixture(scope="module")
def stem() -> Iterator[psutil.Process]:
    before = {process.pid for process in psutil.Process().children()}
    start_stem()
    (process,) = [p for p in psutil.Process().children() if p.pid not in before]
    yield process
    end_stem()
    assert not is_running(process)


@pytest.fixture
def pool(stem: psutil.Process) -> Iterator[WorkerPool]:
    pool = WorkerPool(JOB, processes=2, memory_limit_bytes=512 << 20, renew_after_error=False)
    yield pool
    pool.close()


def test_a_server_is_forked_from_the_stem(stem: psutil.Process, pool: WorkerPool) -> None:
    assert pool.run("hello", 30.0).value == "hello"
    (server,) = stem.children()
    assert len(server.children()) == 1
    assert pool.run("crash", 10.0).ending is Ending.LOST
    server.kill()
    assert pool.run("next", 10.0).value == "next"
    (another,) = stem.children()
    roots = scratch_roots()
    pool.close()
    assert not is_running(another)
    assert len(roots - scratch_roots()) == 1


def test_a_server_ends_with_its_owner(stem: psutil.Process) -> None:
    owner = os.fork()
    if owner == 0:
        pool = WorkerPool(JOB, processes=1, memory_limit_bytes=1 << 29, renew_after_error=False)
        pool.warm_up()
        signal.pause()
    _wait_for(lambda: any(server.children() for server in stem.children()))
    (server,) = stem.children()
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    _wait_for(lambda: not is_running(server) and not scratch_roots(owner))
    assert stem.is_running()


def test_an_owner_that_goes_before_it_asks_costs_the_stem_nothing(
    stem: psutil.Process, pool: WorkerPool
) -> None:
    door = Path(os.environ["DGTL_STEM"])
    Client(str(door), family="AF_UNIX").close()
    assert pool.run("hello", 30.0).value == "hello"
    _wait_for(lambda: len(stem.children()) == 1)
    assert door.exists()


def test_without_the_stem_a_server_starts_by_itself(stem: psutil.Process) -> None:
    stem.kill()
    stem.wait()
    pool = WorkerPool(JOB, processes=1, memory_limit_bytes=512 << 20, renew_after_error=False)
    assert pool.run("hello", 30.0).value == "hello"
    assert any(JOB in child.cmdline() for child in psutil.Process().children())
    pool.close()


def test_where_no_stem_can_be_started_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 100)  # a socket's name has 107 characters at most
    deep.mkdir()
    monkeypatch.setattr("dgtl_ray.measure.stem._stems", [])
    monkeypatch.setattr("dgtl_ray.measure.scratch._places", lambda: iter([deep]))
    monkeypatch.delenv("DGTL_STEM", raising=False)
    start_stem()
    assert "DGTL_STEM" not in os.environ
    assert list(deep.iterdir()) == []


def _wait_for(holds: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
