"""What the rewriting of graphs saves: layers, and bytes that they move, beside TVM's own passes."""

from collections.abc import Sequence
from typing import Any

import torch
import tvm
from torch import Tensor, nn
from tvm import relax
from tvm.s_tir import Schedule

from dgtl_ray.bench.tools.report import BenchReport, BenchTable
from dgtl_ray.bench.tools.small_networks import NETWORKS
from dgtl_ray.core.task import LayerTask
from dgtl_ray.model import parse_target
from dgtl_ray.model.folding import FoldWithNumpy
from dgtl_ray.model.legalize import conv2d
from dgtl_ray.model.lowering import CONV2D_LAYOUTS, lower
from dgtl_ray.model.tasks import extract_tasks
from dgtl_ray.model.torch_source import TorchSource
from dgtl_ray.space.sketches.loop_steps import block_names

# Layers with none of these words in their names only move data, or compute element by element.
_HEAVY = ("conv", "matmul", "pool", "mean", "softmax", "norm")


def run(*, quick: bool) -> BenchReport:
    """Counts on small networks: TVM's own passes before, ours after; nothing is timed."""
    target = tvm.target.Target(parse_target("cpu").json)
    rows = [
        _row(name, way, *build(), lowered, target)
        for name, build in NETWORKS.items()
        for way, lowered in (("before", _by_tvm), ("after", lower))
    ]
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    return BenchReport(
        name="graph",
        tables=[BenchTable(title="layers of a run, and what they move", rows=rows)],
        figures={
            f"{after['network']}_{what}": f"{before[what]} → {after[what]}"
            for before, after in pairs
            for what in ("layers", "MB")
        },
        settings={"quick": quick},
    )


def _row(
    name: str, way: str, module: nn.Module, example: Tensor, lowered: Any, target: Any
) -> dict[str, Any]:
    torch.manual_seed(0)
    imported = TorchSource(name, module, (example,)).to_relax()
    try:
        tasks = extract_tasks(lowered(imported, target), name)
    except tvm.error.InternalError:
        return dict.fromkeys(_counts([]), "fails") | {"network": name, "passes": way}
    return {"network": name, "passes": way, **_counts(tasks)}


def _counts(tasks: Sequence[LayerTask]) -> dict[str, Any]:
    """What a run of the network calls, each layer as often as it does."""
    light = [task for task in tasks if not any(word in task.name for word in _HEAVY)]
    return {
        "layers": sum(task.weight for task in tasks),
        "elementwise or moving": sum(task.weight for task in light),
        "transposes": sum(task.weight for task in tasks if "transpose" in _words(task.name)),
        "operations": sum(task.weight * _blocks(task) for task in tasks),
        "MB": round(sum(task.weight * task.bytes_touched for task in tasks) / 1e6, 2),
    }


def _words(name: str) -> list[str]:
    """Words of a layer's name; a transposed convolution is no transpose."""
    words = name.replace("conv2d_transpose", "deconvolution").split("_")
    return [word.rstrip("0123456789") for word in words]


def _blocks(task: LayerTask) -> int:
    """Operations that are fused in a layer, reshapes and padding included."""
    schedule = Schedule(tvm.ir.load_json(task.program))
    return len(block_names(schedule))


def _by_tvm(module: Any, target: Any) -> Any:
    """As `lower`, but with TVM's own folding and layout passes alone."""
    transform = relax.transform
    passes = [
        transform.FoldBatchnormToConv2D(),
        transform.DecomposeOpsForInference(),
        transform.CanonicalizeBindings(),
        FoldWithNumpy(),
        transform.CanonicalizeBindings(),
        transform.FoldConstant(),
        transform.DeadCodeElimination(["main"]),
        transform.Normalize(),
        transform.ConvertLayout(CONV2D_LAYOUTS),
        transform.Normalize(),
        transform.EliminateCommonSubexpr(),
        transform.CanonicalizeBindings(),
        FoldWithNumpy(),
        transform.LegalizeOps({"relax.nn.conv2d": conv2d}),
        transform.AnnotateTIROpPattern(),
        transform.FoldConstant(),
        transform.FuseOps(),
        transform.FuseTIR(),
        transform.RewriteDataflowReshape(),
        transform.DeadCodeElimination(["main"]),
    ]
    with target:
        return tvm.transform.Sequential(passes)(module)
