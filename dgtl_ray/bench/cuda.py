"""Builds for CUDA on a machine without a GPU: whether all succeed, and how long they take.

Random configurations of every convolution and dense task of the four networks are built to machine
code for sm_90, one at a time, in one build worker: candidates as a search would build them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from dgtl_ray.bench.report import BenchReport, BenchTable
from dgtl_ray.bench.space import OPERATORS
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildInput, BuildResult
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask
from dgtl_ray.measure import LocalBuilder
from dgtl_ray.measure.cuda_code import machine_codes
from dgtl_ray.measure.cuda_compiler import choose_cuda_compiler
from dgtl_ray.model import TargetSpec, default_cuda_json, load_network, parse_target
from dgtl_ray.space.sketches import read_design_space

_SEED = 0
_CAPABILITY = 90
_ELF_CUDA = 190


@dataclass(frozen=True, kw_only=True)
class _Size:
    """What is built: configurations a task, tasks a network (None for all)."""

    networks: tuple[str, ...]
    configurations: int
    tasks: int | None


_FULL = _Size(
    networks=("resnet18", "mobilenet_v1", "vgg16", "alexnet"), configurations=2, tasks=None
)
_QUICK = _Size(networks=("alexnet",), configurations=1, tasks=1)


def run(*, quick: bool) -> BenchReport:
    """One row a task; `quick` builds one configuration of one task.

    Raises:
        MissingExtraError: There is no CUDA compiler here.
    """
    choose_cuda_compiler()
    size = _QUICK if quick else _FULL
    target = parse_target(default_cuda_json(f"sm_{_CAPABILITY}"))
    builder = LocalBuilder(timeout_s=120.0)
    try:
        tasks = [(task, _build(builder, task, target, size)) for task in _tasks(target, size)]
    finally:
        builder.close()
    results = [result for _, of_task in tasks for result in of_task]
    return BenchReport(
        name="cuda",
        tables=[BenchTable(title="builds for sm_90", rows=[_row(*pair) for pair in tasks])],
        figures=_figures(tasks, results),
        settings={
            "seed": _SEED,
            "configurations": size.configurations,
            "compiler": choose_cuda_compiler(),
            "quick": quick,
        },
    )


def _tasks(target: TargetSpec, size: _Size) -> Iterator[LayerTask]:
    for name in size.networks:
        tasks = load_network(name, target).tasks
        yield from [task for task in tasks if task.operator in OPERATORS][: size.tasks]


def _build(
    builder: LocalBuilder, task: LayerTask, target: TargetSpec, size: _Size
) -> list[BuildResult]:
    space = read_design_space(task, target.json)
    pool = space.sample(size.configurations, stream(_SEED, task.network, task.name, "cuda"))
    items = [
        BuildInput(program=task.program, target=target.json, schedule=space.schedule_of(row))
        for row in pool
    ]
    return [builder.build(item) for item in items]


def is_cubin(code: bytes, capability: int) -> bool:
    """Whether machine code is a CUDA ELF file for a compute capability (90 for 9.0)."""
    if not code.startswith(b"\x7fELF"):
        return False
    (machine,) = struct.unpack_from("<H", code, 18)
    (flags,) = struct.unpack_from("<I", code, 48)
    # Where the capability is depends on the format's version.
    return machine == _ELF_CUDA and capability in (flags & 0xFF, flags >> 8 & 0xFF)


def _is_built(result: BuildResult) -> bool:
    codes = machine_codes(result.artifact)
    return bool(codes) and all(is_cubin(code, _CAPABILITY) for code in codes)


def _row(task: LayerTask, results: list[BuildResult]) -> dict[str, Any]:
    return {
        "network": task.network,
        "task": task.name,
        "operator": task.operator,
        "builds": len(results),
        "cubins": sum(map(_is_built, results)),
        "median_s": median(result.build_s for result in results),
        "largest_kb": max(len(result.artifact) for result in results) / 1e3,
        "error": next((result.error for result in results if result.error), ""),
    }


def _figures(
    tasks: list[tuple[LayerTask, list[BuildResult]]], results: list[BuildResult]
) -> dict[str, Any]:
    seconds = sorted(result.build_s for result in results)
    tenths = quantiles(seconds, n=10) if len(seconds) > 1 else seconds * 9
    return {
        "tasks": len(tasks),
        "tasks_with_a_cubin": sum(any(map(_is_built, of_task)) for _, of_task in tasks),
        "builds": len(results),
        "cubins": sum(map(_is_built, results)),
        "failed": sum(result.status is not Status.OK for result in results),
        "builds_per_s_per_core": len(results) / sum(seconds),
        "build_s_median": median(seconds),
        "build_s_10_90": f"{tenths[0]:.2f} – {tenths[-1]:.2f}",
    }
