"""This machine's CPU, described."""

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from dgtl_ray.core.cores import allowed_cores, available_cores
from dgtl_ray.core.cpu_info import cpu_info
from dgtl_ray.core.device import DeviceDescriptor

_CPUS = Path("/sys/devices/system/cpu")
# Vector units that multiply and add, of one core: two on nearly every server and laptop core.
_FMA_UNITS = 2
_COPY_BYTES = 64 << 20
_COPIES = 4
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
# float32 lanes of a vector register, by the feature that says that there is one, the widest first:
# LLVM's neon is asimd to the kernel.
_LANES = {"avx512f": 16, "avx": 8, "sse2": 4, "neon": 4, "asimd": 4}
_VENDORS = {"AuthenticAMD": "amd", "GenuineIntel": "intel"}


def describe_cpu(target: Any) -> DeviceDescriptor:
    """Describe the cores that `target` (a TVM target) may use.

    `peak_gflops` is computed: cores × clock × lanes × 2 operations × 2 units. `bandwidth_gb_s` is
    measured by copying memory on all cores (a tenth of a second, once a process).
    """
    import tvm

    cores = int(target.attrs.get("num-cores", available_cores()))
    # Of TVM 0.27 `llvm_get_vector_width` tells 512 bits of every x86 processor.
    known = tvm.target.codegen.target_has_features
    return describe_cores(cores, vector_lanes(lambda feature: known(feature, target)))


def vector_lanes(has: Callable[[str], bool]) -> int:
    """float32 numbers of the widest vectors, by which features there are; 1 without any."""
    return next((lanes for feature, lanes in _LANES.items() if has(feature)), 1)


def describe_cores(cores: int, lanes: int) -> DeviceDescriptor:
    """Describe so many cores of this machine, whose vectors hold so many float32 numbers."""
    clock_ghz = _clock_ghz()
    level_1, last_level = cache_sizes_bytes()
    info = cpu_info()
    return DeviceDescriptor(
        name=info.get("model name") or platform.processor() or platform.machine(),
        kind="cpu",
        vendor=_VENDORS.get(info.get("vendor_id", ""), _vendor_of_machine()),
        cores=cores,
        clock_ghz=clock_ghz,
        peak_gflops=round(cores * clock_ghz * lanes * 2 * _FMA_UNITS, 1),
        bandwidth_gb_s=copy_bandwidth_gb_s(cores),
        shared_memory_bytes=level_1,
        cache_bytes=last_level,
        vector_lanes=lanes,
    )


@cache
def copy_bandwidth_gb_s(threads: int) -> float:
    """Main memory's bandwidth as copying sees it: bytes read and written, best of a few."""
    sources = [np.ones(_COPY_BYTES // threads, np.uint8) for _ in range(threads)]
    sinks = [np.zeros_like(source) for source in sources]
    best_s = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_COPIES):
            start_s = time.perf_counter()
            list(pool.map(np.copyto, sinks, sources))
            best_s = min(best_s, time.perf_counter() - start_s)
    return round(2 * _COPY_BYTES / best_s / 1e9, 1)


def _clock_ghz() -> float:
    frequency: Any = psutil.cpu_freq()  # None where the kernel does not say
    if frequency is None:
        return 1.0
    return round(float(frequency.max or frequency.current) / 1e3, 2)


@cache
def cache_sizes_bytes() -> tuple[int, int]:
    """One core's first-level data cache, and the last level; small ones where nothing is told.

    The last level may be several caches, each for some of the cores: all that this process can use.
    """
    sizes = _cache_sizes()
    if not sizes:
        return 32 << 10, 1 << 20
    return sizes[min(sizes)], sizes[max(sizes)] * _caches_of_level(max(sizes))


@cache
def second_level_bytes() -> int:
    """One core's second-level cache; a small one where nothing is told."""
    return _cache_sizes().get(2, 1 << 20)


def _cache_sizes() -> dict[int, int]:
    """Size of each level of data cache in bytes; empty where nothing is told."""
    return {level: _bytes_of(_told(folder, "size")) for level, folder in _data_caches("cpu0")}


def _caches_of_level(level: int) -> int:
    """How many caches of a level the cores that this process may use have among them."""
    allowed = (f"cpu{core}" for core in allowed_cores())
    sharers = {
        _told(folder, "shared_cpu_list")
        for core in allowed
        for its_level, folder in _data_caches(core)
        if its_level == level
    }
    return max(1, len(sharers))


def _data_caches(core: str) -> Iterator[tuple[int, Path]]:
    """Level and folder of each cache of a core that holds data."""
    for folder in sorted((_CPUS / core / "cache").glob("index*")):
        if _told(folder, "type") != "Instruction":
            yield int(_told(folder, "level")), folder


def _told(folder: Path, what: str) -> str:
    """What the kernel tells of a cache; "" where it does not."""
    file = folder / what
    return file.read_text().strip() if file.exists() else ""


def _bytes_of(size: str) -> int:
    return int(size[:-1]) * _UNITS[size[-1]] if size[-1] in _UNITS else int(size)


def _vendor_of_machine() -> str:
    return "arm" if platform.machine() in ("aarch64", "arm64") else "unknown"
