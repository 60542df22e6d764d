"""An imported network → a module of fused layer functions, ready for scheduling."""

from typing import Any

import tvm
from tvm import relax

from dgtl_ray.core.precision import FLOAT16, OWN
from dgtl_ray.model import legalize
from dgtl_ray.model.affine import FoldAffine
from dgtl_ray.model.attention import JoinAttention
from dgtl_ray.model.folding import FoldWithNumpy
from dgtl_ray.model.layer_norms import SpreadLayerNorms
from dgtl_ray.model.marking import mark_weights, unmark_weights
from dgtl_ray.model.precision import AddInFloat32, has_float16, narrowed
from dgtl_ray.model.tasks import bindings
from dgtl_ray.model.transposes import SinkTransposes

# Channels innermost on every target: a CPU vectorises along them, a GPU's threads read them side
# by side, and history of one target says something about the other.
CONV2D_LAYOUTS = {"relax.nn.conv2d": ["NHWC", "HWIO"]}
_VIEW = "relax.reshape"  # of what lies in memory as it is wanted


def lower(module: Any, target: Any, precision: str = OWN) -> Any:
    """Fold, convert the layout, legalise, fuse.

    Args:
        module: A relax module with one function `main`, its weights bound as constants.
        target: The `tvm.target.Target` to lower for.
        precision: `float16` makes that of a float32 network, inputs and outputs excepted.

    Returns:
        A module whose `main` calls fused PrimFuncs; reshapes that move no data stay relax calls.
        For a CPU each PrimFunc says which of its arguments are weights.

    Raises:
        NotImplementedError: There is no code for an operator; the text names it.
    """
    cpu = target.kind.name == "llvm"
    fuse = [*(_join() if cpu else []), *_fuse(cpu=cpu)]
    with target:
        simple = tvm.transform.Sequential(_simplify())(module)
        if precision == FLOAT16:
            simple = narrowed(simple)
        if has_float16(simple):
            simple = tvm.transform.Sequential(_with_wide_sums())(simple)
        fused = tvm.transform.Sequential([*_convert_layout(), *fuse])(simple)
        if _without_code(fused):  # in this layout: in its own there may be
            fused = tvm.transform.Sequential(fuse)(simple)
    if left := _without_code(fused):
        raise NotImplementedError(
            f"there is no code for {', '.join(left)} on these shapes, which may depend on the data"
        )
    return mark_weights(fused) if cpu else unmark_weights(fused)


def _without_code(module: Any) -> list[str]:
    """The operators of `main` that should have become functions, and did not."""
    operators = {getattr(binding.value, "op", None) for binding in bindings(module["main"])}
    named = {op.name for op in operators if isinstance(op, tvm.ir.Op) and _has_lowering(op)}
    return sorted(named - {_VIEW})


def _has_lowering(operator: Any) -> bool:
    return operator.get_attr("FLegalize") is not None


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


def _with_wide_sums() -> list[Any]:
    """What float16 has too few bits for, in float32."""
    return [
        AddInFloat32(),
        FoldWithNumpy(),
        relax.transform.CanonicalizeBindings(),
        relax.transform.DeadCodeElimination(["main"]),
    ]


def _convert_layout() -> list[Any]:
    """Channels innermost from the first convolution on.

    `ConvertLayout` goes back to the old layout at a binding that only renames, and crashes the
    process on operations on constants and on what is not normalised: simplify first.
    """
    return [
        SpreadLayerNorms(),
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


def _fuse(*, cpu: bool) -> list[Any]:
    # Sorting and scans become functions, and so layers, as all else; a GPU's are scheduled when
    # the network is compiled.
    dispatched = [relax.backend.DispatchSortScan()] if cpu else []
    return [
        *dispatched,
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
