"""Design spaces: how fast they are encoded and sampled, and how many samples TVM accepts.

For every convolution and dense task of the four networks, on the machine's CPU and on a CUDA target
that needs no GPU. A sample counts as accepted where its schedule replays and every postprocessor of
TVM takes the result; for CUDA these include its verifier of GPU code.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.core.roles import IntArray
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import TargetSpec, default_cuda_json, load_network, parse_target
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.descriptors import NO_DEVICE
from dgtl_ray.space.sketches import ScheduleError, apply_schedule, read_design_space

T = TypeVar("T")

OPERATORS = ("conv2d", "depthwise_conv2d", "dense")

_SEED = 0


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is measured: configurations timed and samples checked a task, tasks a target."""

    networks: tuple[str, ...]
    timed: int
    checked: int
    tasks: int | None


_FULL = _Size(
    networks=("resnet18", "mobilenet_v1", "vgg16", "alexnet"),
    timed=20_000,
    checked=100,
    tasks=None,
)
_QUICK = _Size(networks=("resnet18",), timed=2_000, checked=5, tasks=1)


def run(*, quick: bool) -> BenchReport:
    """Rates and accepted shares, one row a task and target; `quick` takes one task a target."""
    size = _QUICK if quick else _FULL
    targets = (parse_target("cpu"), parse_target(default_cuda_json()))
    rows = [_measure(task, target, size) for target in targets for task in _tasks(target, size)]
    return BenchReport(
        name="space",
        tables=[BenchTable(title="design spaces", rows=rows)],
        figures=_totals(rows),
        settings={"seed": _SEED, "timed": size.timed, "checked": size.checked, "quick": quick},
    )


def _tasks(target: TargetSpec, size: _Size) -> Iterator[LayerTask]:
    for name in size.networks:
        tasks = load_network(name, target).tasks
        yield from [task for task in tasks if task.operator in OPERATORS][: size.tasks]


def _measure(task: LayerTask, target: TargetSpec, size: _Size) -> dict[str, Any]:
    rng = stream(_SEED, task.network, task.name, target.kind)
    space, read_s = _timed(lambda: read_design_space(task, target.json))
    # The first use builds the tables that a space builds once.
    _, prepare_s = _timed(lambda: space.encode(space.sample(1, rng), NO_DEVICE))
    pool, sample_s = _timed(lambda: space.sample(size.timed, rng))
    _, encode_s = _timed(lambda: space.encode(pool, NO_DEVICE))
    checked = pool[: size.checked]
    return {
        "network": task.network,
        "task": task.name,
        "target": target.kind,
        "size": space.size,
        "sketches": len(space.sketches),
        "read_s": read_s,
        "prepare_s": prepare_s,
        "sampled": len(pool),
        "sample_per_s": len(pool) / sample_s,
        "encode_per_s": len(pool) / encode_s,
        "checked": len(checked),
        "accepted": _accepted(task, target, space, checked),
    }


def _accepted(task: LayerTask, target: TargetSpec, space: DesignSpace, pool: IntArray) -> int:
    accepted = 0
    for row in pool:
        try:
            apply_schedule(task.program, target.json, space.schedule_of(row))
        except ScheduleError:
            continue
        accepted += 1
    return accepted


def _totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The worst task of each kind, and the share of all samples."""
    totals: dict[str, Any] = {"encode_per_s_least": min(row["encode_per_s"] for row in rows)}
    totals["sample_per_s_least"] = min(row["sample_per_s"] for row in rows)
    for kind in ("cpu", "cuda"):
        own = [row for row in rows if row["target"] == kind]
        shares = [row["accepted"] / row["checked"] for row in own]
        totals[f"{kind}_tasks"] = len(own)
        totals[f"{kind}_accepted_least"] = min(shares)
        totals[f"{kind}_accepted"] = sum(shares) / len(shares)
    return totals


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    start = perf_counter()
    result = action()
    return result, perf_counter() - start
