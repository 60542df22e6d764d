"""A small recorded kernel that was made up: what Kernel Tuner would have written of it."""

from itertools import product
from math import exp, log2
from typing import Any

KNOBS: dict[str, list[int | str]] = {
    "block_size_x": [16, 32, 48, 64, 96, 128],
    "block_size_y": [1, 2, 4, 8],
    "tile": [1, 2, 3],
    "layout": ["row", "column"],
}
_MOST_THREADS = 512


def made_up_cache(device_name: str = "NVIDIA A100-PCIE-40GB", taste: float = 0.0) -> dict[str, Any]:
    """The content of a cache file: 136 configurations, of which those with most threads fail.

    Args:
        device_name: What the file says of its device.
        taste: From 0 to 1: how much wider the blocks are that the device likes best.
    """
    rows = [dict(zip(KNOBS, values, strict=True)) for values in product(*KNOBS.values())]
    entries = [_entry(row, taste) for row in rows if _threads(row) <= 2 * _MOST_THREADS]
    return {
        "device_name": device_name,
        "kernel_name": "made_up_kernel",
        "problem_size": [1024, 1024],
        "tune_params_keys": list(KNOBS),
        "tune_params": KNOBS,
        "objective": "time",
        "cache": {",".join(str(entry[name]) for name in KNOBS): entry for entry in entries},
    }


def _threads(row: dict[str, Any]) -> int:
    return int(row["block_size_x"] * row["block_size_y"])


def _entry(row: dict[str, Any], taste: float) -> dict[str, Any]:
    fails = _threads(row) > _MOST_THREADS
    away = abs(log2(row["block_size_x"]) - 5 - taste) + abs(log2(row["block_size_y"]) - 2)
    slow = 0.3 * (row["block_size_x"] % 32 != 0) + 0.2 * (row["layout"] == "row")
    time_ms = 2.0 * exp(0.4 * away + slow + 0.1 * abs(row["tile"] - 2))
    return {
        **row,
        "time": "RuntimeFailedConfig" if fails else time_ms,
        "times": [] if fails else [time_ms, time_ms],
        "compile_time": 500.0 + 10.0 * row["tile"],
        "benchmark_time": 0.0 if fails else 10.0 * time_ms,
        "verification_time": 0,
    }
