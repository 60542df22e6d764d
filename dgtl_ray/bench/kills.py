"""`kill -9` at random: does a run lose or repeat a measurement?

A search on a cluster of this machine, of which random processes are killed at random moments: the
driver (which is then started anew), devices, layer actors, build workers. Engine, Ray and history
are real; building and timing are simulated.
"""

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.telling import tell
from dgtl_ray.core.measurement import Stage
from dgtl_ray.core.seeds import stream
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.cluster import (
    BUILD,
    DEVICE,
    LAYERS,
    Driver,
    LocalCluster,
    left_over,
    local_cluster,
    workers,
)
from dgtl_ray.testing.simulation import Problem, SimulatedSearch

_DRIVER = "driver"
_VICTIMS = (_DRIVER, DEVICE, LAYERS, BUILD)
_KILLS, _QUICK_KILLS = 50, 5
# Seconds between two kills, drawn evenly; a driver that was started anew first measures something.
_PAUSE_S = (0.1, 1.5)
_TRIALS_AFTER = 50
_ENDLESS = 1_000_000
_SEED = 0
_HEALTH = {"find_every_s": 0.5, "quarantine_s": 0.5, "longest_quarantine_s": 2.0}


def run(*, quick: bool) -> BenchReport:
    """Kill 50 times, `quick` 5 times, then let the search end and count."""
    kills = _QUICK_KILLS if quick else _KILLS
    with tempfile.TemporaryDirectory() as folder, local_cluster(build_cpus=2, devices=2) as cluster:
        spec = _search(Path(folder), cluster)
        spree = _Spree(spec=spec)
        spree.go(kills)
        rows = ParquetHistory(spec.history).measurements()
        stored = ds.dataset(spec.history).count_rows()
        left = left_over()
    ids = {row.measurement_id for row in rows}
    asked = Counter((r.workload_key, r.config) for r in rows if r.stage is not Stage.CONFIRM)
    killed = [{"process": kind, "killed": count} for kind, count in sorted(spree.killed.items())]
    return BenchReport(
        name="kills",
        tables=[BenchTable(title="kill -9", rows=killed)],
        figures={
            "killed": spree.killed.total(),
            "reported": len(spree.reported),
            "lost": len(spree.reported - ids),
            "stored": stored,
            "stored twice": stored - len(ids),
            "measured twice": sum(count - 1 for count in asked.values()),
            "processes left over": len(left),
        },
        settings={"seed": _SEED, "quick": quick},
    )


@dataclass(kw_only=True)
class _Spree:
    """Kills, and what the search had reported all the while."""

    spec: SimulatedSearch
    killed: Counter[str] = field(default_factory=Counter)
    reported: set[str] = field(default_factory=set)
    rng: np.random.Generator = field(default_factory=lambda: stream(_SEED, "kills"))

    def go(self, kills: int) -> None:
        """Kill so often, the driver at last; then let it end."""
        driver = self._start(self.spec)
        while self.killed.total() < kills - 1:
            time.sleep(self.rng.uniform(*_PAUSE_S))
            driver = self._kill(driver, str(self.rng.choice(_VICTIMS)))
            tell(f"{self.killed.total()} of {kills} killed")
        self._kill_driver(driver)
        trials = len(ParquetHistory(self.spec.history).measurements()) + _TRIALS_AFTER
        driver = Driver(replace(self.spec, trials=trials))
        driver.await_end()
        self.reported.update(driver.rows)

    def _start(self, spec: SimulatedSearch) -> Driver:
        driver = Driver(spec)
        driver.await_rows(1)
        return driver

    def _kill(self, driver: Driver, victim: str) -> Driver:
        """Kill one process of a kind, where there is one; the driver that goes on."""
        if victim == _DRIVER:
            self._kill_driver(driver)
            return self._start(self.spec)
        if found := workers(victim):
            found[self.rng.integers(len(found))].kill()
            self.killed[victim] += 1
        return driver

    def _kill_driver(self, driver: Driver) -> None:
        driver.kill()
        self.killed[_DRIVER] += 1
        self.reported.update(driver.rows)


def _search(folder: Path, cluster: LocalCluster) -> SimulatedSearch:
    target = parse_target("cpu")
    tasks = load_network("alexnet", target).tasks[:4]
    spaces = [read_design_space(task, target.json) for task in tasks]
    file = folder / "problem.json"
    Problem(tasks=tasks, spaces=spaces, target=target.json).save(file)
    return SimulatedSearch(
        problem=str(file),
        address=cluster.address,
        history=str(folder / "history"),
        spool=str(folder / "spool"),
        trials=_ENDLESS,
        search="evolutionary",
        seed=_SEED,
        health=_HEALTH,
    )
