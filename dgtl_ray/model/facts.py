"""What an imported graph tells of the values that flow through it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, TypeAlias

import tvm
from tvm import relax

from dgtl_ray.core.closeness import coarsest, is_float
from dgtl_ray.model.folding import constant_value

# First and last value, both included.
Range: TypeAlias = tuple[int, int]
# By the values that hold an input's: the least and the most that was added to it on the way.
_Shifts: TypeAlias = Mapping[Any, tuple[float, float]]

# Calls that pass the values of their first argument on.
_CARRIERS = frozenset(
    f"relax.{name}"
    for name in ("astype", "reshape", "expand_dims", "squeeze", "permute_dims", "broadcast_to",
                 "strided_slice", "flatten", "copy")
)  # fmt: skip
# Calls that leave integers within bounds what they are, or pick some of them.
_PICKERS = frozenset(
    f"relax.{name}" for name in ("clip", "floor", "ceil", "round", "trunc", "take", "split")
)
# Calls that look up rows: which argument is the index.
_LOOK_UPS = {"relax.take": 1, "relax.gather_elements": 1, "relax.index_tensor": 1}


@dataclass(frozen=True, kw_only=True)
class GraphFacts:
    """What a graph tells of its values.

    Attributes:
        ranges: Of each input, the integers that it may take, a float's too where it looks up rows;
            None where the graph does not say.
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
    """What an input may hold, from the tensors in which it looks rows up."""
    dtype = str(getattr(parameter.ty, "dtype", ""))
    if "int" not in dtype and not is_float(dtype):
        return None
    shifts: dict[Any, tuple[float, float]] = {parameter: (0.0, 0.0)}
    low = 0
    high: int | None = None
    for variable, value in bound.items():
        for rows, (least, most) in _looked_up(value, shifts):
            low = max(low, ceil(-least))
            last = floor(rows - 1 - most)
            high = last if high is None else min(high, last)
        shift = _shift(value, shifts, bound)
        if shift is not None:
            shifts[variable] = shift
    return None if high is None or high < low else (low, high)


def _shift(value: Any, shifts: _Shifts, bound: dict[Any, Any]) -> tuple[float, float] | None:
    """What was added to the input in a value; None where the value holds something else."""
    if isinstance(value, relax.TupleGetItem):
        return shifts.get(value.tuple_value)
    name = _name(value)
    if name in _CARRIERS or name in _PICKERS:
        return shifts.get(value.args[0])
    if name in {"relax.add", "relax.subtract"}:
        return _sum_shift(value, shifts, bound)
    if name in {"relax.where", "relax.maximum", "relax.minimum"}:
        return _choice_shift(value, shifts, bound)
    return None


def _sum_shift(call: Any, shifts: _Shifts, bound: dict[Any, Any]) -> tuple[float, float] | None:
    """The shift of a sum or a difference, where what is added is known."""
    x, y = call.args
    subtracts = _name(call) == "relax.subtract"
    if x not in shifts and not subtracts:
        x, y = y, x
    addend = constant_value(_origin(y, bound))
    if x not in shifts or addend is None or not addend.size:
        return None
    least, most = float(addend.min()), float(addend.max())
    if subtracts:
        least, most = -most, -least
    return shifts[x][0] + least, shifts[x][1] + most


def _choice_shift(call: Any, shifts: _Shifts, bound: dict[Any, Any]) -> tuple[float, float] | None:
    """The shift of what is one of two values, as far as these hold the input's."""
    *_, x, y = call.args
    if _name(call) == "relax.where" and _sets_right(call, shifts, bound):
        return shifts[y]
    found = [shifts[part] for part in (x, y) if part in shifts]
    if not found:
        return None
    return min(least for least, _ in found), max(most for _, most in found)


def _sets_right(call: Any, shifts: _Shifts, bound: dict[Any, Any]) -> bool:
    """Whether a choice counts negative indices from the end: `where(x < 0, x + n, x)`."""
    condition, counted, index = call.args
    test, total = _resolved(condition, bound), _resolved(counted, bound)
    if index not in shifts or _name(test) != "relax.less" or _name(total) != "relax.add":
        return False
    bar = constant_value(_resolved(test.args[1], bound))
    return (
        (bar is not None and not bar.any())
        and shifts.get(test.args[0]) == shifts[index]
        and any(shifts.get(arg) == shifts[index] for arg in total.args)
    )


def _looked_up(value: Any, shifts: _Shifts) -> Iterator[tuple[int, tuple[float, float]]]:
    """How many rows there are where a call looks rows up by the input, and the index' shift."""
    position = _LOOK_UPS.get(_name(value))
    if position is None:
        return
    index, shape = value.args[position], value.args[0].ty.shape
    if index in shifts:
        axis = getattr(value.attrs, "axis", None)
        yield int(shape[0 if axis is None else int(axis)]), shifts[index]
    elif isinstance(index, relax.Tuple):
        for k, part in enumerate(index.fields):
            if part in shifts:
                yield int(shape[k]), shifts[part]


def _outputs(main: Any, bound: dict[Any, Any]) -> list[Any]:
    """What `main` returns, one expression for each tensor."""
    result = _resolved(main.body.body, bound)
    return list(result.fields) if isinstance(result, relax.Tuple) else [main.body.body]


def _resolved(expr: Any, bound: dict[Any, Any]) -> Any:
    while isinstance(expr, relax.Var) and expr in bound:
        expr = bound[expr]
    return expr


def _origin(expr: Any, bound: dict[Any, Any]) -> Any:
    """What is behind an expression that only passes values on."""
    value = _resolved(expr, bound)
    while _name(value) in _CARRIERS:
        value = _resolved(value.args[0], bound)
    return value


def _step(output: Any, bound: dict[Any, Any]) -> float:
    """The scale of the quantisation behind an output, 0 where there is none."""
    value = _origin(output, bound)
    if _name(value) == "relax.quantize":
        return 1.0
    if _name(value) != "relax.dequantize":
        return 0.0
    scale = constant_value(_resolved(value.args[1], bound))
    return 0.0 if scale is None else float(abs(scale).max())
