"""How TVM comes to use these functions: rules of code generation, one for each intrinsic.

TVM looks for a rule by the name of an intrinsic and the kind of target, when loops are vectorised
already. Rules hold for the whole process, so that each looks at the target that is compiled for:
one with `EXACT_MATH` among its keys gets what TVM would have given it. The key travels wherever the
target does: into workers, history and a run's folder.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import tvm
from tvm import tirx

from dgtl_ray.core.exact_math import EXACT_MATH
from dgtl_ray.measure.vector_math.error_function import erf
from dgtl_ray.measure.vector_math.exponential import exp, sigmoid, tanh
from dgtl_ray.measure.vector_math.lanes import Lanes
from dgtl_ray.measure.vector_math.logarithm import log
from dgtl_ray.measure.vector_math.power import power, whole_exponent

# The error of every function in float32 is smaller than this.
MAX_ULP = 4

_UNARY: dict[str, Callable[[Any, Lanes], Any]] = {
    "tirx.exp": exp,
    "tirx.erf": erf,
    "tirx.tanh": tanh,
    "tirx.sigmoid": sigmoid,
    "tirx.log": log,
}
# TVM takes loops with these apart before any rule could vectorise them.
_MADE_VECTORISABLE = ("tirx.erf", "tirx.rsqrt")
# Above TVM's own rules and marks.
_LEVEL = 100


def use_vector_math(target: tvm.target.Target) -> None:
    """Have what this process compiles for a CPU use these functions, from now on.

    Args:
        target: That is about to be compiled for; for a GPU nothing is done.
    """
    if target.kind.name == "llvm":
        _register_rules()


@cache
def _register_rules() -> None:
    for name, function in _UNARY.items():
        _register(name, _unary_rule(function))
    _register("tirx.pow", _power)
    for name in _MADE_VECTORISABLE:
        tvm.ir.Op.get(name).set_attr("TVectorizable", True, _LEVEL)


def _register(name: str, rule: Callable[[Any], Any]) -> None:
    """Put a rule before TVM's own; where it returns None, TVM's own is asked."""
    tvm_rule = tvm.ir.Op.get(name).get_attr("llvm.FLowerIntrinsic")

    def first(call: Any) -> Any:
        lowered = rule(call) if _wanted(call) else None
        if lowered is not None:
            return lowered
        if name in _MADE_VECTORISABLE:
            return _lane_by_lane(call)
        return call if tvm_rule is None else tvm_rule(call)

    tirx.op.register_intrin_lowering(name, "llvm", f=first, level=_LEVEL)


def _wanted(call: Any) -> bool:
    target = tvm.target.Target.current(allow_none=True)
    exact = target is not None and EXACT_MATH in target.keys
    return not exact and str(call.ty.dtype).partition("x")[0] == "float32"


def _unary_rule(function: Callable[[Any, Lanes], Any]) -> Callable[[Any], Any]:
    def rule(call: Any) -> Any:
        lanes = Lanes(call.ty.dtype.lanes)
        return lanes.result(function(call.args[0], lanes))

    return rule


def _power(call: Any) -> Any:
    exponent = whole_exponent(call.args[1])
    if exponent is None:
        return None
    lanes = Lanes(call.ty.dtype.lanes)
    return lanes.result(power(call.args[0], exponent, lanes))


def _lane_by_lane(call: Any) -> Any:
    """A call of a vector as calls of its elements: the C library knows no vectors."""
    lanes = call.ty.dtype.lanes
    if lanes == 1:
        return call
    whole = Lanes(lanes)
    argument = whole.name(call.args[0])
    scalar = str(call.ty.dtype).partition("x")[0]
    each = [
        tirx.call_intrin(scalar, call.op.name, _element(argument, lane)) for lane in range(lanes)
    ]
    return whole.result(tirx.Shuffle(each, list(range(lanes))))


def _element(vector: Any, lane: int) -> Any:
    return tirx.Shuffle([vector], [lane])
