"""Builds for CUDA on a machine without a GPU: whether all succeed, and how long they take.

Random configurations of every convolution and dense task of the four networks are built to machine
code for sm_90, one at a time, in one build worker: candidates as a search would build them.
The rate is of CPU time, which other programs on the machine do not take from it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from dgtl_ray.bench.space import OPERATORS
from dgtl_ray.bench.tools.load import own_cpu_s
from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.telling import tell
from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildInput
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


@dataclass(frozen=True, kw_only=True)
class _Build:
    """A build, with the machine code that it gave and the seconds it took, by clock and of CPU."""

    status: Status
    error: str
    is_cubin: bool
    size_bytes: int
    wall_s: float
    cpu_s: float


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
        # It fails, and leaves a warm worker behind.
        builder.build(BuildInput(program="", target=target.json, schedule=""))
        tasks = [(task, _builds(builder, task, target, size)) for task in _tasks(target, size)]
    finally:
        builder.close()
    return BenchReport(
        name="cuda",
        tables=[BenchTable(title="builds for sm_90", rows=[_row(*pair) for pair in tasks])],
        figures=_figures([builds for _, builds in tasks]),
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


def _builds(
    builder: LocalBuilder, task: LayerTask, target: TargetSpec, size: _Size
) -> list[_Build]:
    space = read_design_space(task, target.json)
    pool = space.sample(size.configurations, stream(_SEED, task.network, task.name, "cuda"))
    items = [
        BuildInput(program=task.program, target=target.json, schedule=space.schedule_of(row))
        for row in pool
    ]
    builds = [_build(builder, item) for item in items]
    good = sum(build.is_cubin for build in builds)
    tell(f"{task.network} {task.name}: {good} of {len(builds)} became machine code")
    return builds


def _build(builder: LocalBuilder, item: BuildInput) -> _Build:
    before_s = own_cpu_s()
    result = builder.build(item)
    codes = machine_codes(result.artifact.library)
    return _Build(
        status=result.status,
        error=result.error,
        is_cubin=bool(codes) and all(is_cubin(code, _CAPABILITY) for code in codes),
        size_bytes=len(result.artifact.library),
        wall_s=result.build_s,
        cpu_s=own_cpu_s() - before_s,
    )


def is_cubin(code: bytes, capability: int) -> bool:
    """Whether machine code is a CUDA ELF file for a compute capability (90 for 9.0)."""
    if not code.startswith(b"\x7fELF"):
        return False
    (machine,) = struct.unpack_from("<H", code, 18)
    (flags,) = struct.unpack_from("<I", code, 48)
    # Where the capability is depends on the format's version.
    return machine == _ELF_CUDA and capability in (flags & 0xFF, flags >> 8 & 0xFF)


def _row(task: LayerTask, builds: list[_Build]) -> dict[str, Any]:
    return {
        "network": task.network,
        "task": task.name,
        "operator": task.operator,
        "builds": len(builds),
        "cubins": sum(build.is_cubin for build in builds),
        "median_cpu_s": median(build.cpu_s for build in builds),
        "median_wall_s": median(build.wall_s for build in builds),
        "largest_kb": max(build.size_bytes for build in builds) / 1e3,
        "error": next((build.error for build in builds if build.error), ""),
    }


def _figures(tasks: list[list[_Build]]) -> dict[str, Any]:
    builds = [build for of_task in tasks for build in of_task]
    seconds = [build.cpu_s for build in builds]
    tenths = quantiles(seconds, n=10) if len(seconds) > 1 else seconds * 9
    return {
        "tasks": len(tasks),
        "tasks_all_cubins": sum(all(build.is_cubin for build in of_task) for of_task in tasks),
        "builds": len(builds),
        "cubins": sum(build.is_cubin for build in builds),
        "failed": sum(build.status is not Status.OK for build in builds),
        "builds_per_cpu_s": len(builds) / sum(seconds),
        "build_cpu_s_median": median(seconds),
        "build_cpu_s_10_90": f"{tenths[0]:.2f} – {tenths[-1]:.2f}",
        "build_wall_s_median": median(build.wall_s for build in builds),
    }
