"""A cluster of several nodes on this machine, and searches on it that can be watched and killed."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from dgtl_ray.engine.places import TIMING_RESOURCE
from dgtl_ray.testing.driver import END, NOTE, ROW
from dgtl_ray.testing.simulation import SimulatedSearch

# Ray names its worker processes after what they run.
DEVICE, LAYERS, BUILD = "ray::DeviceHost", "ray::LayerHost", "ray::build"
_STEP_S = 0.02
_OBJECT_STORE_BYTES = 100 << 20


class LocalCluster:
    """A head node that builds, and nodes that time."""

    def __init__(self, build_cpus: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_worker_niceness", "0")
        head = {"num_cpus": build_cpus, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=_sized(head))
        self.timing_nodes: list[Any] = []

    @property
    def address(self) -> str:
        """Where drivers find it."""
        address: str = self._cluster.address
        return address

    def add_timing_node(self) -> Any:
        """A node with one device."""
        resources = {"num_cpus": 0, "resources": {TIMING_RESOURCE: 1}}
        node = self._cluster.add_node(**_sized(resources))
        self.timing_nodes.append(node)
        return node

    def remove_timing_node(self, node: Any) -> None:
        """Take a node away, as a loss of power does."""
        self.timing_nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def shutdown(self) -> None:
        """End all nodes."""
        self._cluster.shutdown()


@contextmanager
def local_cluster(*, build_cpus: int, devices: int) -> Iterator[LocalCluster]:
    """A cluster that ends with the block."""
    cluster = LocalCluster(build_cpus)
    try:
        for _ in range(devices):
            cluster.add_timing_node()
        yield cluster
    finally:
        cluster.shutdown()


class Driver:
    """A search in a process of its own, and what it has told so far."""

    def __init__(self, spec: SimulatedSearch) -> None:
        self.rows: list[str] = []
        self.notes: list[str] = []
        self.end: dict[str, Any] | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "dgtl_ray.testing.driver", spec.as_json()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def await_rows(self, count: int, timeout_s: float = 60.0) -> None:
        """Wait until so many measurements are durable."""
        self._await(lambda: len(self.rows) >= count, timeout_s)

    def await_end(self, timeout_s: float = 120.0) -> dict[str, Any]:
        """Wait until the search ended; what it found.

        Raises:
            RuntimeError: It failed.
        """
        self._await(lambda: not self._reader.is_alive(), timeout_s)
        if self.end is None:
            errors = self.process.stderr.read() if self.process.stderr else ""
            raise RuntimeError(f"the search failed:\n{errors[-4000:]}")
        return self.end

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            kind, _, text = line.rstrip("\n").partition(" ")
            if kind == ROW:
                self.rows.append(text)
            elif kind == NOTE:
                self.notes.append(text)
            elif kind == END:
                self.end = json.loads(text)
        self.process.wait()

    def _await(self, reached: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not reached():
            over = not self._reader.is_alive() and not reached()
            if over or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"it ended too early or too late; notes: {self.notes}")
            time.sleep(_STEP_S)


def workers(kind: str) -> list[psutil.Process]:
    """Ray's worker processes under this process that run `kind`, the oldest first."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, IndexError):
            if process.cmdline()[0].startswith(kind):
                found.append((process.create_time(), process.pid, process))
    return [process for *_, process in sorted(found, key=lambda entry: entry[:2])]


def await_worker(kind: str, timeout_s: float = 10.0) -> psutil.Process:
    """Wait for a worker process of a kind; the youngest.

    Raises:
        RuntimeError: There is none.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := workers(kind):
            return found[-1]
    raise RuntimeError(f"no process runs {kind}")


def left_over(timeout_s: float = 30.0) -> list[str]:
    """What kinds of workers are left when none should be, after some patience."""
    deadline = time.monotonic() + timeout_s
    while True:
        left = [kind for kind in (DEVICE, LAYERS, BUILD) if workers(kind)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_STEP_S)


def _sized(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"object_store_memory": _OBJECT_STORE_BYTES, **arguments}
