"""What the engine costs, and how many devices it keeps busy: simulated devices on this machine.

Engine, Ray, history and design spaces are real. Builds and timings sleep, so that whatever this
machine computes meanwhile is the engine's and Ray's.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgtl_ray.bench.tools.meter import EnoughError, Meter, youngest_worker_s
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.telling import tell
from dgtl_ray.core.knowledge import Knowledge
from dgtl_ray.core.measurement import Measurement
from dgtl_ray.core.progress import SilentMonitor
from dgtl_ray.core.seeds import stream
from dgtl_ray.engine.board import published
from dgtl_ray.engine.budget import Budget
from dgtl_ray.engine.health import DeviceState, HealthPolicy
from dgtl_ray.engine.run import SearchRequest, search
from dgtl_ray.engine.session import ray_session
from dgtl_ray.history import ParquetHistory
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.run.experiment import best_config
from dgtl_ray.space.sketches import read_design_space
from dgtl_ray.testing.fakes import FAKE_DEVICE
from dgtl_ray.testing.measurements import example_measurement
from dgtl_ray.testing.simulation import Builders, Problem, Timers

# Seconds of a build and of a timing, in the median. A build for a GPU takes four times as long
# (`bench cuda`): this machine has no memory for as many builders as 64 devices would then need.
_BUILD_S, _TIMING_S = 0.3, 0.5
# For Ray, a node with so many GPUs: nothing is run on them.
_SIMULATED_TARGET = '{"kind": "cuda"}'
_SEED = 0
_RUN = "scale"
# Builds that may run at once: one a device, and some to spare.
_SPARE_BUILDS = 4
# Ray ends idle workers where it has more than so many, and counts actors as well: enough for a
# device's actor, its build, and some to spare.
_WORKERS_PER_DEVICE, _SPARE_WORKERS = 2, 12
_HEALTH = HealthPolicy(find_every_s=1.0, start_s=600.0)
_FEW_DEVICES, _FEW_LAYERS = 8, 8


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is measured: numbers of devices, of past trials and of layers; seconds of each."""

    devices: tuple[int, ...]
    past: tuple[int, ...]
    layers: tuple[int, ...]
    settle_s: float
    window_s: float


_FULL = _Size(
    devices=(1, 4, 8, 16, 32, 64),
    past=(1_000, 10_000, 100_000),
    layers=(4, 16, 64),
    settle_s=5.0,
    window_s=12.0,
)
_QUICK = _Size(devices=(2,), past=(), layers=(), settle_s=0.0, window_s=3.0)


def run(*, quick: bool) -> BenchReport:
    """Utilisation by devices, cost of a trial by past trials and by layers; about ten minutes."""
    size = _QUICK if quick else _FULL
    problem = _problem()
    by_devices = [
        {"devices": n, **_alone(problem.layers(_FEW_LAYERS), size, n)} for n in size.devices
    ]
    by_past, by_layers = ([], []) if quick else _on_few_devices(problem, size)
    return BenchReport(
        name="scale",
        tables=[
            BenchTable(title="devices", rows=by_devices),
            BenchTable(title=f"past trials, {_FEW_DEVICES} devices", rows=by_past),
            BenchTable(title=f"layers, {_FEW_DEVICES} devices", rows=by_layers),
        ],
        figures=_figures(by_devices),
        settings={"build_s": _BUILD_S, "timing_s": _TIMING_S, "seed": _SEED, "quick": quick},
    )


def _alone(problem: Problem, size: _Size, devices: int) -> dict[str, float]:
    """So many devices, on a cluster of their own."""
    with _cluster(devices):
        return _measure(problem, size, devices=devices)


def _on_few_devices(
    problem: Problem, size: _Size
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """By past trials and by layers, one after the other on one cluster."""
    few = problem.layers(_FEW_LAYERS)
    with _cluster(_FEW_DEVICES):
        return (
            [{"past": n, **_measure(few, size, past=n)} for n in size.past],
            [{"layers": n, **_measure(problem.layers(n), size)} for n in size.layers],
        )


@contextmanager
def _cluster(devices: int) -> Iterator[None]:
    """Ray on this machine, as if it had so many devices, and cores for their builds."""
    workers = _WORKERS_PER_DEVICE * devices + _SPARE_WORKERS
    with ray_session(
        "local",
        num_cpus=devices + _SPARE_BUILDS,
        num_gpus=devices,
        _system_config={"num_workers_soft_limit": workers},
    ):
        yield


def _figures(by_devices: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Up to which devices all are kept busy, and how many this machine could keep so."""
    busy = [row["devices"] for row in by_devices if row["utilisation"] >= 0.9]
    limits = [row["limit_per_s"] * (1.0 - row["others"]) * _TIMING_S for row in by_devices]
    return {
        "most devices at 90 % utilisation": max(busy, default=0),
        "devices that this machine's cores are enough for": max(limits),
    }


def _problem() -> Problem:
    target = parse_target("cpu")
    tasks = load_network("alexnet", target).tasks[:4]
    spaces = [read_design_space(task, target.json) for task in tasks]
    return Problem(tasks=tasks, spaces=spaces, target=_SIMULATED_TARGET)


def _measure(
    problem: Problem, size: _Size, *, devices: int = _FEW_DEVICES, past: int = 0
) -> dict[str, float]:
    """Search with the cluster's devices, so many, and `past` trials known."""
    known = _past_trials(problem, past)
    with tempfile.TemporaryDirectory() as folder:
        meter = Meter(
            window_s=size.window_s,
            settle_s=size.settle_s,
            keep=ParquetHistory(folder).append,
            ready=lambda: _ready_devices() == devices and youngest_worker_s() >= size.settle_s,
        )
        with suppress(EnoughError):
            search(_request(problem, known, meter), SilentMonitor())
    row = meter.row(devices)
    tell(f"{devices} devices, {past} past trials, {len(problem.tasks)} layers: {row}")
    return row


def _ready_devices() -> int:
    reports = published().get(_RUN, [])
    return sum(report["state"] == DeviceState.READY for report in reports)


def _request(problem: Problem, known: Sequence[Measurement], meter: Meter) -> SearchRequest:
    return SearchRequest(
        run_id=_RUN,
        tasks=problem.tasks,
        spaces=problem.spaces,
        target=problem.target,
        search="random",
        seed=_SEED,
        budget=Budget(time_s=3600.0, min_gain=0.0),
        toolchain={},
        history=lambda _device: known,
        learn=lambda _device: Knowledge(),
        sink=meter,
        first_trial=len(known),
        choose=best_config,
        on_round=lambda _spent: None,
        builder=Builders(build_s=_BUILD_S),
        timer=Timers(timing_s=_TIMING_S),
        health=_HEALTH,
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
    shared = {"run_id": _RUN, "device_key": FAKE_DEVICE.key, "target": problem.target}
    return [example_measurement(**shared, **row, trial=k) for k, row in enumerate(rows)]
