"""What the engine costs, and how many devices it keeps busy: simulated devices on this machine.

Engine, Ray and design spaces are real. Builds and timings sleep for as long as the real ones take
in the median, so that whatever this machine computes meanwhile is the engine's and Ray's.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
import ray

from dgtl_ray.bench.report import BenchReport, BenchTable
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement, Stage
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.seeds import stream
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.run import SearchRequest, search
from dgtl_ray.experiment import best_config
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.fakes import FAKE_DEVICE
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.simulation import Builders, Problem, Timers

# Seconds of a build for a GPU (NVRTC) and of a timing on it, in the median.
_BUILD_S, _TIMING_S = 0.3, 0.5
# For Ray, a node with so many GPUs: nothing is run on them.
_SIMULATED_TARGET = '{"kind": "cuda"}'
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is measured: numbers of devices, of past trials and of layers; seconds of each."""

    devices: tuple[int, ...]
    past: tuple[int, ...]
    layers: tuple[int, ...]
    time_s: float


_FULL = _Size(
    devices=(1, 2, 4, 8, 16, 32, 64), past=(1_000, 10_000, 100_000), layers=(4, 16, 64), time_s=30.0
)
_QUICK = _Size(devices=(2,), past=(1_000,), layers=(4,), time_s=6.0)
# No run is given more trials than would take its time at this rate.
_MOST_PER_S = 60.0
_FEW_DEVICES, _FEW_LAYERS = 8, 8


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """A batch that became durable: when, and what the driver and the machine had computed."""

    at_s: float
    driver_s: float
    machine_s: float
    trials: int
    timed_s: float


@dataclass(kw_only=True)
class _Meter:
    """Looks at the middle of a search: at first queues fill, at last they drain."""

    marks: list[_Mark] = field(default_factory=list)

    def append(self, rows: Sequence[Measurement]) -> None:
        """Note a batch."""
        if any(row.stage in {Stage.DEFAULT, Stage.CONFIRM} for row in rows):
            return
        mark = _Mark(
            at_s=time.perf_counter(),
            driver_s=time.process_time(),
            machine_s=_machine_busy_s(),
            trials=len(rows),
            timed_s=sum(row.timing_s for row in rows),
        )
        self.marks.append(mark)

    def row(self, devices: int) -> dict[str, float]:
        """Utilisation, and milliseconds of driver and machine for each trial."""
        start_s, end_s = self.marks[0].at_s, self.marks[-1].at_s
        begin, stop = start_s + (end_s - start_s) / 3, start_s + 0.9 * (end_s - start_s)
        first, *rest = [mark for mark in self.marks if begin <= mark.at_s <= stop]
        wall_s = rest[-1].at_s - first.at_s
        trials = sum(mark.trials for mark in rest)
        machine_s = rest[-1].machine_s - first.machine_s
        return {
            "utilisation": sum(mark.timed_s for mark in rest) / (devices * wall_s),
            "trials_per_s": trials / wall_s,
            "driver_ms": 1e3 * (rest[-1].driver_s - first.driver_s) / trials,
            "machine_ms": 1e3 * machine_s / trials,
            "machine_busy": machine_s / ((psutil.cpu_count() or 1) * wall_s),
        }


def run(*, quick: bool) -> BenchReport:
    """Utilisation by devices, cost of a trial by past trials and by layers."""
    size = _QUICK if quick else _FULL
    problem = _problem()
    by_devices = [
        {"devices": n, **_measure(problem.layers(_FEW_LAYERS), n, 0, size.time_s)}
        for n in size.devices
    ]
    by_past = [
        {"past trials": n, **_measure(problem.layers(_FEW_LAYERS), _FEW_DEVICES, n, size.time_s)}
        for n in size.past
    ]
    by_layers = [
        {"layers": n, **_measure(problem.layers(n), _FEW_DEVICES, 0, size.time_s)}
        for n in size.layers
    ]
    busy = [row["devices"] for row in by_devices if row["utilisation"] >= 0.9]
    return BenchReport(
        name="scale",
        tables=[
            BenchTable(title="devices", rows=by_devices),
            BenchTable(title=f"past trials, {_FEW_DEVICES} devices", rows=by_past),
            BenchTable(title=f"layers, {_FEW_DEVICES} devices", rows=by_layers),
        ],
        figures={"most devices at 90 % utilisation": max(busy, default=0)},
        settings={"build_s": _BUILD_S, "timing_s": _TIMING_S, "seed": _SEED, "quick": quick},
    )


def _problem() -> Problem:
    target = parse_target("cpu")
    tasks = load_network("alexnet", target).tasks[:4]
    spaces = [read_design_space(task, target.json) for task in tasks]
    return Problem(tasks=tasks, spaces=spaces, target=_SIMULATED_TARGET)


def _measure(problem: Problem, devices: int, past: int, time_s: float) -> dict[str, float]:
    """Search with so many devices, `past` trials known, on a cluster of its own."""
    meter = _Meter()
    known = _past_trials(problem, past)
    trials = int(time_s * min(devices / _TIMING_S, _MOST_PER_S))
    ray.init(
        address="local",
        num_cpus=2 * devices,
        num_gpus=devices,
        include_dashboard=False,
        log_to_driver=False,
    )
    try:
        search(_request(problem, known, meter, past + trials), SilentMonitor())
    finally:
        ray.shutdown()
    return meter.row(devices)


def _request(
    problem: Problem, known: Sequence[Measurement], meter: _Meter, trials: int
) -> SearchRequest:
    return SearchRequest(
        run_id="scale",
        tasks=problem.tasks,
        spaces=problem.spaces,
        target=problem.target,
        search="random",
        seed=_SEED,
        budget=Budget(trials=trials, min_gain=0.0),
        toolchain={},
        history=lambda _device: known,
        learn=lambda _device: Knowledge(),
        sink=meter,
        choose=best_config,
        on_round=lambda _spent: None,
        builder=Builders(build_s=_BUILD_S),
        timer=Timers(timing_s=_TIMING_S),
    )


def _past_trials(problem: Problem, count: int) -> list[Measurement]:
    """So many measurements of this run, shared evenly by its layers."""
    rows: list[dict[str, Any]] = []
    for task, space in zip(problem.tasks, problem.spaces, strict=True):
        rng = stream(_SEED, "past", task.workload_key)
        pool = space.sample(count // len(problem.tasks), rng)
        cost_s = np.exp(rng.normal(-6.0, 0.5, len(pool)))
        rows += [
            {
                "workload_key": task.workload_key,
                "space_key": space.key,
                "config": space.config_of(row),
                "cost_s": float(cost),
                "repeats_s": (float(cost),),
            }
            for row, cost in zip(pool, cost_s, strict=True)
        ]
    shared = {"run_id": "scale", "device_key": FAKE_DEVICE.key, "target": problem.target}
    return [example_measurement(**shared, **row, trial=k) for k, row in enumerate(rows)]


def _machine_busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system)
