"""An imported network → a module of fused layer functions, ready for scheduling."""

from typing import Any

import tvm
from tvm import relax

from dgtl_ray.model import legalize
from dgtl_ray.model.affine import FoldAffine
from dgtl_ray.model.attention import JoinAttention
from dgtl_ray.model.folding import FoldWithNumpy
from dgtl_ray.model.marking import mark_weights, unmark_weights
from dgtl_ray.model.transposes import SinkTransposes

# Channels innermost on every target: a CPU vectorises along them, a GPU's threads read them side
# by side, and history of one target says something about the other.
CONV2D_LAYOUTS = {"relax.nn.conv2d": ["NHWC", "HWIO"]}


def lower(module: Any, target: Any) -> Any:
    """Fold, convert the layout, legalise, fuse.

    Args:
        module: A relax module with one function `main`, its weights bound as constants.
        target: The `tvm.target.Target` to lower for.

    Returns:
        A module whose `main` calls fused PrimFuncs; reshapes that move no data stay relax calls.
        For a CPU each PrimFunc says which of its arguments are weights.
    """
    passes = [*_simplify(), *_convert_layout()]
    if target.kind.name == "llvm":
        passes += _join()
    with target:
        fused = tvm.transform.Sequential([*passes, *_fuse()])(module)
    return mark_weights(fused) if target.kind.name == "llvm" else unmark_weights(fused)


def _simplify() -> list[Any]:
    """Batch norms into weights, and everything constant computed."""
    return [
        relax.transform.DecomposeOpsForInference(),
        relax.transform.CanonicalizeBindings(),
        FoldWithNumpy(),
        relax.transform.CanonicalizeBindings(),
        relax.transform.DeadCodeElimination(["main"]),  # or a statistic's copy counts as a use
        FoldAffine(),
        relax.transform.CanonicalizeBindings(),
        relax.transform.FoldConstant(),
        relax.transform.DeadCodeElimination(["main"]),
    ]


def _convert_layout() -> list[Any]:
    """Channels innermost from the first convolution on.

    `ConvertLayout` goes back to the old layout at a binding that only renames, and crashes the
    process on operations on constants and on what is not normalised: simplify first.
    """
    return [
        relax.transform.Normalize(),
        relax.transform.ConvertLayout(CONV2D_LAYOUTS),
        relax.transform.Normalize(),
        SinkTransposes(),
        relax.transform.DeadCodeElimination(["main"]),
        relax.transform.EliminateCommonSubexpr(),  # one tensor converted for each of its users
        relax.transform.CanonicalizeBindings(),
        FoldWithNumpy(),
    ]


def _join() -> list[Any]:
    """Several operators that a CPU best computes together: what lies between stays in a cache."""
    return [
        JoinAttention(),
        relax.transform.DeadCodeElimination(["main"]),
    ]


def _fuse() -> list[Any]:
    return [
        relax.transform.LegalizeOps(
            {
                "relax.nn.conv2d": legalize.conv2d,
                "relax.nn.conv2d_transpose": legalize.conv2d_transpose,
            }
        ),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FoldConstant(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
        relax.transform.RewriteDataflowReshape(),
        relax.transform.DeadCodeElimination(["main"]),
    ]
