"""Functions that the tests tune."""

import os
import sys
import time
from pathlib import Path
from typing import Any

PARAMETERS: dict[str, Any] = {"x": [1, 2, 4, 8, 16, 32], "y": [1, 2, 3, 4], "mode": ["a", "b"]}
RESTRICTIONS = ["x * y <= 64"]


def latency_s(config: dict[str, Any]) -> float:
    """Best at x = 8, y = 2, mode b: 1 ms."""
    bowl = abs(config["x"] - 8) / 8 + abs(config["y"] - 2) + (config["mode"] == "a")
    return float(1e-3 * (1 + bowl))


def often_failing(config: dict[str, Any]) -> dict[str, float]:
    """Raises, returns nonsense, hangs or ends its process for some of them."""
    if config["x"] == 1:
        raise RuntimeError("too small")
    if config["x"] == 2:
        return {"other": 1.0}
    if config["x"] == 4 and config["y"] == 1:
        os._exit(3)
    if config["x"] == 4 and config["y"] == 2:
        time.sleep(60)
    return {"latency_s": latency_s(config), "gflops": 1.0 / latency_s(config)}


class Logged:
    """`latency_s`, and a line in a file for each call."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self, config: dict[str, Any]) -> float:
        with self.file.open("a") as log:
            log.write(f"{config}\n")
        return latency_s(config)


def chatty(config: dict[str, Any]) -> float:
    """Prints, and writes errors."""
    print("said", config["x"])
    print("wrote", file=sys.stderr)
    return latency_s(config)


def is_first_call(folder: Path, config: dict[str, Any]) -> bool:
    """Whether a configuration is called for the first time, in whatever process."""
    seen = folder / "-".join(str(value) for value in config.values())
    if seen.exists():
        return False
    seen.touch()
    return True


class Flaky:
    """Fails the first time that it is called for a configuration, in whatever process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, config: dict[str, Any]) -> float:
        if is_first_call(self.folder, config):
            raise RuntimeError("the first time")
        return latency_s(config)
