"""Histories and files of other tuners, made up from a seed: as wide as real ones, of any length."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.measurement import Stage, Status, TimedIn
from dgtl_ray.core.seeds import stream
from dgtl_ray.history import SCHEMA
from dgtl_ray.history.files import add_file
from dgtl_ray.history.folder import Folder

# A run of a network on one device; each network is tuned on every device.
RUN_ROWS = 50_000
TASKS_A_RUN = 20
DEVICES = 4
# As CPU runs have them.
_ENCODING, _LEVELS = 143, 24
_REPEATS = 40
_FAILED = 0.05
_START_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e6)


def write_made_history(folder: Path, rows: int, seed: int) -> None:
    """Write a history as runs leave it: a file each, its rows in the order of their tasks."""
    place = Folder(str(folder))
    place.create()
    for table in _runs(rows, seed):
        add_file(place, table.sort_by([("workload_key", "ascending"), ("created_at", "ascending")]))


def task_key(network: int, task: int) -> str:
    """Workload key of a network's task."""
    return hashlib.sha256(f"{network} {task}".encode()).hexdigest()[:32]


def _runs(rows: int, seed: int) -> Iterator[Any]:
    for number, start in enumerate(range(0, rows, RUN_ROWS)):
        count = min(RUN_ROWS, rows - start)
        yield _run(number // DEVICES, number % DEVICES, count, stream(seed, "made run", number))


def _run(network: int, device: int, count: int, random: np.random.Generator) -> Any:
    """Rows of one run as a `pyarrow.Table`."""
    descriptor = _device(device)
    run_id = f"made-{network}-{device}"
    task = random.integers(0, TASKS_A_RUN, count)
    ok = random.random(count) >= _FAILED
    repeats_s = _repeats_s(ok, random)
    cost_s = [float(np.median(row)) if row is not None else None for row in repeats_s]
    columns: dict[str, Any] = {
        "measurement_id": [f"{run_id}-{k}" for k in range(count)],
        "trial": np.arange(count),
        "task": [f"fused_conv2d{k}_add_relu" for k in task],
        "workload_key": np.array([task_key(network, k) for k in range(TASKS_A_RUN)])[task],
        "config": _configs(count, random),
        "encoding": _lists(
            np.log2(random.integers(1, _LEVELS, (count, _ENCODING))).astype(np.float32)
        ),
        "status": np.where(ok, Status.OK.value, Status.BUILD_ERROR.value),
        "error": np.where(ok, "", "the compiler refused it: too many registers"),
        "repeats_s": [[] if row is None else row for row in repeats_s],
        "cost_s": cost_s,
        "build_s": random.gamma(2.0, 0.3, count),
        "timing_s": random.gamma(2.0, 0.05, count),
        "predicted_mean": random.normal(-8.0, 1.0, count),
        "predicted_std": random.gamma(2.0, 0.1, count),
        "created_at": _START_US + np.arange(count) * 100_000,
    }
    constants = {
        "run_id": run_id,
        "network": f"network{network}",
        "operator": "conv2d",
        "arg_shapes": [[1, 14, 14, 512], [3, 3, 1, 512], [1, 1, 1, 512], [1, 14, 14, 512]],
        "arg_dtypes": ["float32"] * 4,
        "flop": 501760.0,
        "weight": 1,
        "target": json.dumps({"kind": "llvm", "mcpu": "znver5", "num-cores": 2 + device}),
        "device_key": descriptor.key,
        "device": descriptor.as_dict(),
        "toolchain": [("tvm", "0.27.0"), ("llvm", "22"), ("python", "3.11.7")],
        "space_key": task_key(network, -1)[:16],
        "proposer": "dgtl",
        "stage": Stage.SEARCH.value,
        "seed": 0,
        "timed_in": TimedIn.ALONE.value,
        "passed_bytes": 37_544_256,
    }
    return _table(columns, constants, count)


def _table(columns: dict[str, Any], constants: dict[str, Any], count: int) -> Any:
    arrays = []
    for field in SCHEMA:
        if field.name in columns:
            given = columns[field.name]
            array = given if isinstance(given, pa.Array) else pa.array(given)
            arrays.append(array.cast(field.type))
        elif field.name in constants:
            one = pa.array([constants[field.name]], field.type)
            arrays.append(one.take(pa.repeat(pa.scalar(0), count)))
        else:
            arrays.append(pa.nulls(count, field.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _lists(values: Any) -> Any:
    """The rows of a matrix as lists."""
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))


def _repeats_s(ok: Any, random: np.random.Generator) -> list[Any]:
    """(repeats,) seconds of each trial, in whole nanoseconds as clocks tell them; None: failed."""
    middle_s = np.exp(random.normal(-8.0, 1.0, len(ok)))
    drawn = middle_s[:, None] * random.normal(1.0, 0.03, (len(ok), _REPEATS))
    rounded = np.abs(np.round(drawn, 9)) + 1e-9
    return [row if fine else None for row, fine in zip(rounded, ok, strict=True)]


def _configs(count: int, random: np.random.Generator) -> list[str]:
    drawn = 2 ** random.integers(0, 6, (count, 8))
    return [
        f'{{"sketch": {a % 3}, "tile i": [{b}, {c}, 1, {d}], "tile c": [{e}, {f}, {g}, 1], '
        f'"unroll": {h}}}'
        for a, b, c, d, e, f, g, h in drawn.tolist()
    ]


def _device(number: int) -> DeviceDescriptor:
    return DeviceDescriptor(
        name=f"Made CPU {number}",
        kind="cpu",
        vendor="amd",
        cores=2 + number,
        clock_ghz=2.6,
        peak_gflops=332.8,
        bandwidth_gb_s=65.8,
        shared_memory_bytes=48 << 10,
        cache_bytes=32 << 20,
        vector_lanes=16,
    )


def write_made_cache(file: Path, rows: int, seed: int) -> None:
    """Write a Kernel Tuner cache of so many configurations, a line each as the tool does."""
    random = stream(seed, "made cache", rows)
    sizes: Sequence[int] = [2**k for k in range(10)]
    names = ["block_x", "block_y", "tile_x", "tile_y", "unroll", "vector"]
    values = dict.fromkeys(names, sizes)
    header = {
        "device_name": "NVIDIA A100",
        "kernel_name": "made",
        "problem_size": [4096, 4096],
        "tune_params_keys": names,
        "tune_params": values,
        "objective": "time",
        "cache": {},
    }
    whole = (len(sizes),) * len(names)
    places = random.choice(len(sizes) ** len(names), rows, replace=False)
    chosen = np.array(sizes)[np.array(np.unravel_index(places, whole))].T.tolist()
    times = np.round(np.exp(random.normal(0.0, 1.0, (rows, 1))) + random.random((rows, 7)), 6)
    with file.open("w") as out:
        out.write(json.dumps(header)[:-2])
        separator = ""
        for config, repeats in zip(chosen, times.tolist(), strict=True):
            entry = dict(zip(names, config, strict=True)) | {
                "time": sum(repeats) / len(repeats),
                "times": repeats,
                "compile_time": 800.5,
                "verification_time": 0,
                "benchmark_time": 20.25,
                "timestamp": "2026-03-01 10:15:00+00:00",
            }
            key = ",".join(map(str, config))
            out.write(f"{separator}\n{json.dumps(key)}: {json.dumps(entry)}")
            separator = ","
        out.write("\n}}")
