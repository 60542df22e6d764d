"""What an imported graph tells of the values that flow through it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import tvm
from tvm import relax

from dgtl_ray.core.closeness import coarsest, is_float
from dgtl_ray.model.folding import constant_value

# First and last value, both included.
Range: TypeAlias = tuple[int, int]

# Calls that pass the values of their first argument on.
_CARRIERS = frozenset(
    f"relax.{name}"
    for name in ("astype", "reshape", "expand_dims", "squeeze", "permute_dims", "broadcast_to",
                 "strided_slice", "flatten", "copy")
)  # fmt: skip
# Calls that may set a negative index right: their result carries what they are given.
_SETTING_RIGHT = frozenset({"relax.where", "relax.add", "relax.clip", "relax.maximum"})
# Calls that look up rows: which argument is the index.
_LOOK_UPS = {"relax.take": 1, "relax.gather_elements": 1, "relax.index_tensor": 1}


@dataclass(frozen=True, kw_only=True)
class GraphFacts:
    """What a graph tells of its values.

    Attributes:
        ranges: Of each input, the integers that it may take; None where the graph does not say.
        steps: Of each output, the step to which it is rounded, in its own unit; 0 where it is not.
        precision: The coarsest float format on the way.
        quantised: Whether anything is rounded to integers and back.
    """

    ranges: tuple[Range | None, ...]
    steps: tuple[float, ...]
    precision: str
    quantised: bool


def graph_facts(module: Any) -> GraphFacts:
    """Read them from a relax module with one function `main`, as it was imported."""
    main = module["main"]
    bound = {binding.var: binding.value for binding in _bindings(main)}
    calls = [value for value in bound.values() if isinstance(value, tvm.ir.Call)]
    return GraphFacts(
        ranges=tuple(_range(parameter, bound) for parameter in main.params),
        steps=tuple(_step(output, bound) for output in _outputs(main, bound)),
        precision=coarsest(_dtypes([*main.params, *bound])),
        quantised=any(_name(call) == "relax.quantize" for call in calls),
    )


def _bindings(main: Any) -> Iterator[Any]:
    for block in main.body.blocks:
        yield from block.bindings


def _dtypes(variables: Sequence[Any]) -> set[str]:
    found = {str(variable.ty.dtype) for variable in variables if hasattr(variable.ty, "dtype")}
    return {dtype for dtype in found if is_float(dtype)}


def _name(value: Any) -> str:
    return str(getattr(getattr(value, "op", None), "name", ""))


def _range(parameter: Any, bound: dict[Any, Any]) -> Range | None:
    """What an integer input may hold, from the tensors in which it looks rows up."""
    dtype = str(getattr(parameter.ty, "dtype", ""))
    if "int" not in dtype:
        return None
    carriers = {parameter}
    counts: list[int] = []
    for variable, value in bound.items():
        if not isinstance(value, tvm.ir.Call):
            continue
        counts += _rows(value, carriers)
        if _carries(value, carriers):
            carriers.add(variable)
    return (0, min(counts) - 1) if counts else None


def _carries(call: Any, carriers: set[Any]) -> bool:
    """Whether a call's result holds values of the input."""
    if _name(call) in _CARRIERS:
        return call.args[0] in carriers
    return _name(call) in _SETTING_RIGHT and any(arg in carriers for arg in call.args)


def _rows(call: Any, carriers: set[Any]) -> Iterator[int]:
    """How many rows there are where a call looks one of the carriers up."""
    position = _LOOK_UPS.get(_name(call))
    if position is None:
        return
    index, shape = call.args[position], call.args[0].ty.shape
    if index in carriers:
        axis = getattr(call.attrs, "axis", None)
        yield int(shape[0 if axis is None else int(axis)])
    elif isinstance(index, relax.Tuple):
        yield from (int(shape[k]) for k, part in enumerate(index.fields) if part in carriers)


def _outputs(main: Any, bound: dict[Any, Any]) -> list[Any]:
    """What `main` returns, one expression for each tensor."""
    result = _resolved(main.body.body, bound)
    return list(result.fields) if isinstance(result, relax.Tuple) else [main.body.body]


def _resolved(expr: Any, bound: dict[Any, Any]) -> Any:
    while isinstance(expr, relax.Var) and expr in bound:
        expr = bound[expr]
    return expr


def _step(output: Any, bound: dict[Any, Any]) -> float:
    """The scale of the quantisation behind an output, 0 where there is none."""
    value = _resolved(output, bound)
    while isinstance(value, tvm.ir.Call) and _name(value) in _CARRIERS:
        value = _resolved(value.args[0], bound)
    if _name(value) == "relax.quantize":
        return 1.0
    if _name(value) != "relax.dequantize":
        return 0.0
    scale = constant_value(_resolved(value.args[1], bound))
    return 0.0 if scale is None else float(abs(scale).max())
