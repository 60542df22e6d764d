"""Workers may crash, hang, exit or eat memory: each costs its own job and nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.measure.pool import WorkerPool
from dgtl_ray.measure.protocol import Ending
from tests.measure.conftest import descendants, is_running, scratch_roots

JOB = "tests.measure.jobs:obedient_job"


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(JOB, processes=2, memory_limit_bytes=512 << 20, renew_after_error=False)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("word", "ending", "text"),
    [
        ("hello", Ending.DONE, ""),
        ("shout", Ending.DONE, ""),
        ("hang", Ending.TIMED_OUT, "time limit of 0.3 s"),
        ("spawn and hang", Ending.TIMED_OUT, "time limit of 0.3 s"),
        ("crash", Ending.LOST, "SIGSEGV"),
        ("exit", Ending.LOST, "exit status 3"),
        ("raise", Ending.RAISED, "ZeroDivisionError"),
        ("allocate", Ending.RAISED, "MemoryError"),
        ("die loudly", Ending.LOST, "heap is broken"),
    ],
)
def test_a_job_costs_only_itself(
    pool: WorkerPool, word: str, ending: Ending, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = pool.run(word, 0.3 if "hang" in word else 10.0)
    assert outcome.ending is ending
    assert text in outcome.text
    assert pool.run("next", 5.0).value == "next"
    assert capfd.readouterr() == ("", "")
    assert not [p for p in descendants() if p.name() == "sleep"]


def test_a_lost_worker_leaves_no_file(pool: WorkerPool) -> None:
    pool.run("litter", 5.0)
    pool.run("crash", 5.0)
    left = [path for root in scratch_roots() for path in root.rglob("left-over")]
    assert left == []


def _server() -> psutil.Process:
    return next(child for child in descendants() if JOB in child.cmdline())


def test_a_worker_killed_between_jobs_costs_no_job(pool: WorkerPool) -> None:
    pool.warm_up()
    before = {process.pid for process in descendants()}
    server = _server()
    for worker in server.children():
        worker.send_signal(signal.SIGKILL)
    _wait_for(lambda: not any(is_running(worker) for worker in server.children()))
    assert pool.run("next", 5.0).value == "next"
    assert {process.pid for process in descendants()} != before


def test_a_killed_server_is_started_anew(pool: WorkerPool) -> None:
    server = _server()
    workers = server.children()
    server.kill()
    assert pool.run("next", 5.0).value == "next"
    _wait_for(lambda: not any(is_running(worker) for worker in workers))


def test_a_worker_is_renewed_in_time(monkeypatch: pytest.MonkeyPatch, pool: WorkerPool) -> None:
    monkeypatch.setattr("dgtl_ray.measure.pool._MAX_JOBS", 2)
    pool.run("first", 5.0)
    before = {process.pid for process in descendants()}
    for word in "abc":
        assert pool.run(word, 5.0).value == word
    after = {process.pid for process in descendants()}
    assert len(before - after) == len(after - before) > 0


def test_closing_leaves_nothing() -> None:
    roots, running = scratch_roots(), {process.pid for process in descendants()}
    pool = WorkerPool(JOB, processes=1, memory_limit_bytes=512 << 20, renew_after_error=False)
    pool.run("hello", 5.0)
    assert scratch_roots() != roots
    pool.close()
    assert scratch_roots() == roots
    assert {process.pid for process in descendants()} == running


def test_a_closed_pool_starts_nothing_again() -> None:
    pool = WorkerPool(JOB, processes=1, memory_limit_bytes=512 << 20, renew_after_error=False)
    pool.close()
    roots, running = scratch_roots(), {process.pid for process in descendants()}
    with pytest.raises(DgtlError, match="were ended"):
        pool.run("hello", 5.0)
    assert scratch_roots() == roots
    assert {process.pid for process in descendants()} == running


def test_a_server_that_cannot_start_says_why() -> None:
    pool = WorkerPool(
        "tests.measure.no_such_module:job",
        processes=1,
        memory_limit_bytes=512 << 20,
        renew_after_error=False,
    )
    with pytest.raises(DgtlError, match=r"no_such_module.*dgtl doctor"):
        pool.run("hello", 5.0)
    pool.close()


_OWNER = """
import sys
from dgtl_ray.measure.pool import WorkerPool
pool = WorkerPool({job!r}, processes=1, memory_limit_bytes=1 << 29, renew_after_error=False)
pool.warm_up()
print("warm", flush=True)
pool.run("spawn and hang", 600.0)
"""


def test_nothing_outlives_a_killed_owner() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER.format(job=JOB)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"warm\n"
    _wait_for(lambda: len(psutil.Process(owner.pid).children(recursive=True)) == 3)
    family = psutil.Process(owner.pid).children(recursive=True)
    assert len(scratch_roots(owner.pid)) == 1
    owner.kill()
    owner.wait()
    owner.stdout.close()
    _wait_for(lambda: not any(is_running(process) for process in family))
    _wait_for(lambda: scratch_roots(owner.pid) == set())


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
