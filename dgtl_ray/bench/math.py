"""Transcendental functions on CPUs: their largest error over all of float32, and their speed."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
import tvm
from torch import nn, randn
from tvm import te, tirx, topi

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.speed import Contender, time_contenders
from dgtl_ray.bench.tools.ulp import EXACT, Worst, floats, worst
from dgtl_ray.measure.vector_math import MAX_ULP, use_vector_math
from dgtl_ray.model import exact_math, load_network, parse_target
from dgtl_ray.model.target import TargetSpec

_ELEMENTS = 1 << 20
_LANES = 16
_BATCH = 1 << 22
_FLOATS = 1 << 32
# With `--quick`, and where instructions differ from this machine's own only in their width.
_SAMPLED_STEP = 251
_PASSES = 7
_QUICK_PASSES = 3
_OTHER_CPUS = ("haswell", "x86-64")


def run(*, quick: bool) -> BenchReport:
    """Errors on every kind of CPU, and times beside the C library's and TVM's own shortcuts."""
    own = parse_target("cpu")
    others = [parse_target(f'{{"kind": "llvm", "mcpu": "{mcpu}"}}') for mcpu in _OTHER_CPUS]
    errors = [
        _error_row(name, target, exhaustive=target is own and not quick)
        for target in (own, *others)
        for name in EXACT
    ]
    passes = _QUICK_PASSES if quick else _PASSES
    functions = [one for name in EXACT for one in _function(name, own)]
    layers = [one for name, layer in _layers().items() for one in _layer(name, *layer, own)]
    speeds = _ratios(time_contenders(functions, passes))
    layer_rows = _ratios(time_contenders(layers, passes))
    return BenchReport(
        name="math",
        tables=[
            BenchTable(title="largest error, units in the last place", rows=errors),
            BenchTable(title=f"{_ELEMENTS} elements, two threads, ms", rows=speeds),
            BenchTable(title="layers by the default schedule, ms", rows=layer_rows),
        ],
        figures={
            "max_ulp": max(row["max ulp"] for row in errors),
            "bound": MAX_ULP,
            **{f"{row['name']}_speedup": row["C ÷ ours"] for row in (*speeds, *layer_rows)},
        },
        settings={"elements": _ELEMENTS, "passes": passes, "quick": quick},
    )


def _error_row(name: str, target: TargetSpec, *, exhaustive: bool) -> dict[str, Any]:
    step = 1 if exhaustive else _SAMPLED_STEP
    function = _compiled(name, target)
    found = max(
        (_batch(name, function, first, step) for first in range(0, _FLOATS, _BATCH * step)),
        key=lambda one: one.ulp,
    )
    return {
        "function": name,
        "cpu": tvm.target.Target(target.json).attrs["mcpu"],
        "values": "all" if exhaustive else f"every {step}th",
        "max ulp": found.ulp,
        "at": found.x,
    }


def _batch(name: str, function: Any, first: int, step: int) -> Worst:
    x = floats(first, _BATCH, step)
    result = tvm.runtime.tensor(np.empty_like(x))
    function(tvm.runtime.tensor(x), result)
    return worst(name, x, result.numpy())


def _compiled(name: str, target: TargetSpec) -> Any:
    argument = te.placeholder((_BATCH,), "float32", name="argument")
    result = te.compute((_BATCH,), lambda i: getattr(tirx, name)(argument[i]), name="result")
    schedule = tvm.s_tir.Schedule(te.create_prim_func([argument, result]))
    (loop,) = schedule.get_loops(schedule.get_sblock("result"))
    outer, inner = schedule.split(loop, [None, _LANES])
    schedule.parallel(outer)
    schedule.vectorize(inner)
    resolved = tvm.target.Target(target.json)
    use_vector_math(resolved)
    with resolved:
        return tvm.compile(schedule.mod, resolved)["main"]


def _function(name: str, target: TargetSpec) -> list[Contender]:
    """A function over many elements: ours, the C library's, TVM's shortcut where it has one."""
    programs: dict[str, tuple[Callable[[Any], Any], TargetSpec]] = {
        "ours": (getattr(topi, name), target),
        "C": (getattr(topi, name), exact_math(target)),
    }
    if hasattr(topi, f"fast_{name}"):
        programs["topi.fast"] = (getattr(topi, f"fast_{name}"), target)
    return [
        Contender(name=name, label=label, program=_program(build), target=used.json)
        for label, (build, used) in programs.items()
    ]


def _program(function: Callable[[Any], Any]) -> str:
    argument = te.placeholder((_ELEMENTS,), "float32", name="argument")
    program = te.create_prim_func([argument, function(argument)])
    module = tvm.IRModule({"main": program.with_attr("global_symbol", "main")})
    return str(tvm.ir.save_json(module))


def _layers() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Layers of a vision transformer (ViT-Tiny), and shapes of their inputs."""
    tokens = (197, 192)
    return {
        "linear_gelu": (nn.Sequential(nn.Linear(192, 768), nn.GELU()), tokens),
        "linear_gelu_tanh": (nn.Sequential(nn.Linear(192, 768), nn.GELU("tanh")), tokens),
        "linear_silu": (nn.Sequential(nn.Linear(192, 768), nn.SiLU()), tokens),
        "linear_mish": (nn.Sequential(nn.Linear(192, 768), nn.Mish()), tokens),
        "softmax": (nn.Softmax(-1), (1, 3, 197, 197)),
    }


def _layer(
    name: str, module: nn.Module, shape: tuple[int, ...], target: TargetSpec
) -> list[Contender]:
    """The costliest task of a network of one layer, both ways."""
    tasks = load_network(module.eval(), target, example_inputs=(randn(shape),)).tasks
    task = max(tasks, key=lambda one: one.flop)
    return [
        Contender(name=name, label=label, program=task.program, target=used.json)
        for label, used in (("ours", target), ("C", exact_math(target)))
    ]


def _ratios(times_s: Mapping[tuple[str, str], list[float]]) -> list[dict[str, Any]]:
    """A row a name: milliseconds of each contender, and the C library's as a multiple of ours."""
    rows: dict[str, dict[str, Any]] = {}
    for (name, label), each in times_s.items():
        rows.setdefault(name, {"name": name})[label] = median(each) * 1e3
    return [
        {
            "name": row["name"],
            "ours": row["ours"],
            "C": row["C"],
            "topi.fast": row.get("topi.fast", ""),
            "C ÷ ours": row["C"] / row["ours"],
        }
        for row in rows.values()
    ]
