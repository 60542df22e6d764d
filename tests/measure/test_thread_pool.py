"""Parallel loops on threads of our own."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from tvm.script import from_source, tirx

from dgtl_ray.measure.link import link_shared
from dgtl_ray.measure.thread_pool import ThreadPool
from dgtl_ray.model import parse_target

Load = Callable[[ThreadPool, str], Any]


_COUNTING = """
@T.prim_func
def main(out: T.Buffer(({extent},), "int32")):
    for k in T.parallel({extent}):
        out[k] = out[k] + 1
"""
# The thread that ran each iteration; slow enough that every thread gets some.
_WHO = """
@T.prim_func
def main(out: T.Buffer((64,), "int32")):
    for k in T.parallel(64):
        out[k] = T.call_extern("int32", "usleep", 2000) + T.call_extern("int32", "gettid")
"""
_REFUSING = """
@T.prim_func
def main(out: T.Buffer((64,), "int32")):
    for k in T.parallel(64):
        assert out[k] == 0, "not zero"
        out[k] = 1
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(pool: ThreadPool, source: str) -> Any:
        path = tmp_path / f"{time.monotonic_ns()}.so"
        function = from_source(source, extra_vars={"T": tirx})
        executable = tvm.compile(function, parse_target("cpu").json)
        executable.export_library(str(path), fcompile=link_shared, workspace_dir=str(tmp_path))
        return pool.load(path)["main"]

    return load


@pytest.fixture(autouse=True)
def _every_core() -> Iterator[None]:
    """TVM's own pool, which a test makes, binds this thread to a core: other tests have all."""
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def _zeros(extent: int) -> Any:
    return tvm.runtime.tensor(np.zeros(extent, "int32"))


def _ran_on(kernel: Any) -> set[int]:
    out = _zeros(64)
    kernel(out)
    return set(out.numpy().tolist())


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_each_iteration_runs_once(threads: int, load: Load) -> None:
    pool = ThreadPool(threads)
    for extent in (1, 2, 63, 65, 1000):
        kernel, out = load(pool, _COUNTING.format(extent=extent)), _zeros(extent)
        for _ in range(200):
            kernel(out)
        assert (out.numpy() == 200).all()


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_that_come_late_for_a_loop_leave_the_next_alone(threads: int, load: Load) -> None:
    pool = ThreadPool(threads)
    kernel, out = load(pool, _COUNTING.format(extent=65)), _zeros(65)
    for _ in range(300_000):
        kernel(out)
    assert (out.numpy() == 300_000).all()


def test_pools_have_threads_of_their_own_number(load: Load) -> None:
    tvm.runtime.num_threads()  # of TVM's own pool, which is made here if it was not
    pools = {threads: ThreadPool(threads) for threads in (3, 1, 4)}
    kernels = {threads: load(pool, _WHO) for threads, pool in pools.items()}
    seen = {threads: _ran_on(kernel) for threads, kernel in kernels.items()}
    assert {threads: len(ran) for threads, ran in seen.items()} == {3: 3, 1: 1, 4: 4}
    assert set.intersection(*seen.values()) == {threading.get_native_id()}


def test_nothing_of_the_process_changes(load: Load) -> None:
    before = os.environ.copy()
    masks: list[set[int]] = []

    def run() -> None:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # of this thread
        masks.append(os.sched_getaffinity(0))
        pool = ThreadPool(3)
        masks.extend(os.sched_getaffinity(thread) for thread in _ran_on(load(pool, _WHO)))

    everywhere = os.sched_getaffinity(0)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(masks) == 4
    assert all(mask == {max(everywhere)} for mask in masks)
    assert os.sched_getaffinity(0) == everywhere
    assert os.environ == before


def test_a_failing_part_fails_the_call(load: Load) -> None:
    pool = ThreadPool(3)
    kernel, out = load(pool, _REFUSING), _zeros(64)
    kernel(out)
    for _ in range(20):
        with pytest.raises(Exception, match="a part of a parallel loop has failed"):
            kernel(out)
    kernel(_zeros(64))


def test_a_forked_child_has_threads_again(load: Load) -> None:
    pool = ThreadPool(3)
    kernel = load(pool, _WHO)
    assert len(_ran_on(kernel)) == 3
    child = os.fork()
    if not child:
        alone = len(_ran_on(kernel))
        pool.revive()
        os._exit(10 * alone + len(_ran_on(kernel)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 13


def test_its_threads_end_with_it() -> None:
    before = set(threading.enumerate())
    pool = ThreadPool(4)
    started = set(threading.enumerate()) - before
    assert len(started) == 3
    del pool
    gc.collect()
    for thread in started:
        thread.join(timeout=10)
        assert not thread.is_alive()
