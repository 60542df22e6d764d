"""The layer tasks of a lowered network, and what identifies the network."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import tvm
from tvm import relax, tirx

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.task import LayerTask, Surroundings
from dgtl_ray.model import program
from dgtl_ray.model.operators import dominating_operator


def extract_tasks(module: Any, network: str) -> tuple[LayerTask, ...]:
    """The distinct layer tasks that `main` calls, in order of first use, with their weights.

    Raises:
        InputError: A layer's shapes depend on the network's data.
    """
    _check_static(module, network)
    first: dict[str, str] = {}
    weights: dict[str, int] = {}
    keys: dict[str, str] = {}
    for name in called_functions(module):
        key = keys.setdefault(name, _key(module[name], name, network))
        first.setdefault(key, name)
        weights[key] = weights.get(key, 0) + 1
    around = surroundings(module)
    return tuple(
        _task(module[name], name, key, weights[key], network, around[name])
        for key, name in first.items()
    )


def surroundings(module: Any) -> dict[str, Surroundings]:
    """What each PrimFunc finds when `main` calls it, by the name of the function.

    A call makes its weights and what it writes pass through the caches; what it reads beside them
    other calls wrote. Where calls of one function differ in what is a weight, the first one counts.
    """
    weights: dict[str, tuple[int, ...]] = {}
    passed: dict[str, int] = {}
    total_bytes = 0
    for binding in bindings(module["main"]):
        if not is_kernel_call(binding.value):
            continue
        name = str(binding.value.args[0].name_hint)
        at = weights.setdefault(name, constant_arguments(binding.value))
        args = program.arguments(module[name])
        written = args[len(binding.value.args[1].fields) :]
        passed[name] = sum(spec.size_bytes for spec in (*(args[k] for k in at), *written))
        total_bytes += passed[name]
    return {
        name: Surroundings(other_bytes=total_bytes - passed[name], weights=weights[name])
        for name in weights
    }


def constant_arguments(call: Any) -> tuple[int, ...]:
    """Which arguments of a kernel's call are weights, by position."""
    fields = call.args[1].fields
    return tuple(k for k, field in enumerate(fields) if isinstance(field, tvm.ir.GenericConst))


def result_types(call: Any) -> list[Any]:
    """The types of what a kernel's call gives: of several results, each."""
    given = list(call.ty_args)
    several = len(given) == 1 and isinstance(given[0], relax.TupleType)
    return list(given[0].fields) if several else given


def called_functions(module: Any) -> Iterator[str]:
    """Names of the PrimFuncs that `main` calls, call by call."""
    for binding in bindings(module["main"]):
        if is_kernel_call(binding.value):
            yield str(binding.value.args[0].name_hint)


def keys_of_functions(module: Any) -> dict[str, str]:
    """The workload key of each PrimFunc that `main` calls, by its name."""
    return {name: program.workload_key(module[name]) for name in set(called_functions(module))}


def bindings(main: Any) -> Iterator[Any]:
    """Every binding of a relax function, in order."""
    for block in main.body.blocks:
        yield from block.bindings


def network_hash(module: Any) -> str:
    """What identifies a lowered network: which layers run in which order on which values.

    It covers each layer's program (shapes and dtypes with it), the inputs, the weights' shapes
    and dtypes, and how values flow; it leaves out the weights' values and all names.

    Returns:
        32 hexadecimal digits.
    """
    main = module["main"]
    numbers = {var: f"in{i}" for i, var in enumerate(main.params)}
    lines = [str(var.ty) for var in main.params]
    for i, binding in enumerate(bindings(main)):
        lines.append(_describe(module, binding.value, numbers))
        numbers[binding.var] = f"v{i}"
    lines.append(_describe(module, main.body.body, numbers))
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:32]


def _check_static(module: Any, network: str) -> None:
    """Refuse what `main` computes in shapes that only its data tell."""
    for binding in bindings(module["main"]):
        if isinstance(binding.var.ty, relax.TensorType) and not _is_static(binding.var.ty):
            what = getattr(binding.value, "op", None)
            raise InputError(
                f"{network}: the shapes of what {getattr(what, 'name', what)} computes depend on "
                "the data; only networks with fixed shapes can be tuned"
            )


def _is_static(tensor_type: Any) -> bool:
    shape = tensor_type.shape
    return shape is not None and all(isinstance(dim, tirx.IntImm) for dim in shape)


def _key(func: Any, name: str, network: str) -> str:
    try:
        program.arguments(func)
        return program.workload_key(func)
    except ValueError as error:
        raise InputError(
            f"{network}: the shapes of layer {name} depend on the data ({error}); "
            "only networks with fixed shapes can be tuned"
        ) from error


def _task(
    func: Any, name: str, key: str, weight: int, network: str, around: Surroundings
) -> LayerTask:
    normalised = program.normalised(func)
    return LayerTask(
        name=name,
        operator=dominating_operator(program.blocks(normalised["main"])),
        workload_key=key,
        weight=weight,
        flop=program.flop(func),
        args=program.arguments(func),
        program=tvm.ir.save_json(normalised),
        network=network,
        surroundings=around,
    )


def is_kernel_call(value: Any) -> bool:
    """Whether a bound value is a call of a PrimFunc."""
    return isinstance(value, tvm.ir.Call) and value.op == tvm.ir.Op.get("relax.call_tir")


def _describe(module: Any, value: Any, numbers: dict[Any, str]) -> str:
    """One bound value in words that hold no names."""
    if is_kernel_call(value):
        key = program.workload_key(module[value.args[0].name_hint])
        return f"{key}({_describe(module, value.args[1], numbers)})"
    if isinstance(value, tvm.ir.Call):
        args = ", ".join(_describe(module, arg, numbers) for arg in value.args)
        return f"{value.op}({args}) -> {value.ty}"
    if isinstance(value, relax.Tuple):
        return ", ".join(_describe(module, field, numbers) for field in value.fields)
    if isinstance(value, relax.Var):
        return numbers[value]
    if isinstance(value, tvm.ir.GenericConst):
        return f"weight {value.ty}"
    return str(value) if isinstance(value, relax.ShapeExpr | tirx.IntImm) else type(value).__name__
