"""What every experiment reports: its tables, and with which machine, versions and seeds it ran."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from inspect import signature
from types import MappingProxyType
from typing import Any

import psutil

from dgtl_ray.bench.tools.extra import require
from dgtl_ray.core.errors import InputError
from dgtl_ray.measure import toolchain

# What an experiment cannot do without and this package does not bring; without pandas there is no
# `ray.tune`.
_NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "graphs": ("onnx", "onnxruntime"),
        "history": ("duckdb",),
        "overhead": ("optuna", "pandas"),
        "rate": ("xgboost",),
        "searchers": ("optuna", "pandas"),
    }
)


def describe_machine() -> dict[str, str]:
    """Cores, memory and versions."""
    return {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        **toolchain(),
        "platform": _platform(),
    }


def _platform() -> str:
    """System, kernel and C library: of a kernel its version alone, not whose build it is."""
    kernel = platform.release().partition("-")[0]
    return f"{platform.system()} {kernel}, {' '.join(platform.libc_ver())}"


@dataclass(frozen=True, kw_only=True)
class BenchTable:
    """Rows that share their keys."""

    title: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """An experiment's outcome.

    Attributes:
        figures: The numbers that matter, by name.
        settings: Sizes and seeds that it ran with.
    """

    name: str
    tables: Sequence[BenchTable]
    figures: Mapping[str, Any]
    settings: Mapping[str, Any]
    machine: Mapping[str, str] = field(default_factory=describe_machine)
    wall_s: float = 0.0

    def facts(self) -> list[tuple[str, str]]:
        """Figures, settings and machine as pairs to print."""
        pairs = {**self.figures, **self.settings, **self.machine, "wall_s": f"{self.wall_s:.0f}"}
        return [(key, _text(value)) for key, value in pairs.items()]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "figures": dict(self.figures),
            "settings": dict(self.settings),
            "machine": dict(self.machine),
            "wall_s": self.wall_s,
            "tables": {table.title: [dict(row) for row in table.rows] for table in self.tables},
        }


def run_bench(name: str, *, quick: bool, **options: Any) -> BenchReport:
    """Run the experiment `name`: each is a module of this package with a function `run`.

    Raises:
        InputError: It cannot be run so, or it takes no such option.
        MissingExtraError: It needs a library that is not installed.
    """
    require(name, *_NEEDS.get(name, ()))
    run: Callable[..., BenchReport] = import_module(f"dgtl_ray.bench.{name}").run
    unknown = options.keys() - signature(run).parameters.keys()
    if unknown:
        raise InputError(f"bench {name} takes no option {', '.join(sorted(unknown))}")
    start = time.perf_counter()
    report = run(quick=quick, **options)
    return replace(report, wall_s=time.perf_counter() - start)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
