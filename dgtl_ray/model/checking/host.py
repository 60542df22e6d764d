"""A lowered network compiled for this machine, quickly rather than well, and run once per input."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tvm
from tvm import relax, tirx

from dgtl_ray.core.errors import InputError, last_line
from dgtl_ray.model.program import normalised
from dgtl_ray.model.source import Array
from dgtl_ray.model.target import parse_target
from dgtl_ray.space.sketches.default import apply_default


def host_target() -> Any:
    """TVM's target for this machine's CPU."""
    return tvm.target.Target(parse_target("cpu").json)


class HostModule:
    """A lowered network with its layers' default schedules and the C library's functions."""

    def __init__(self, module: tvm.IRModule, target: Any) -> None:
        """Compile it; InputError where TVM cannot."""
        executable = _compiled(_scheduled(module, target), target)
        self._main = relax.VirtualMachine(executable, tvm.cpu())["main"]

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Its outputs for one input."""
        # TVM's threads belong to the thread that first runs a kernel, which they bind to a few
        # processors: one that ends with the run.
        with ThreadPoolExecutor(max_workers=1) as executor:
            return executor.submit(self._run, inputs).result()

    def _run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        result = self._main(*map(tvm.runtime.tensor, inputs))
        tensors = (result,) if isinstance(result, tvm.runtime.Tensor) else tuple(result)
        return tuple(np.asarray(tensor.numpy()) for tensor in tensors)


def _compiled(module: tvm.IRModule, target: Any) -> Any:
    """The executable; InputError with the first layer that TVM cannot compile."""
    try:
        return _built(module, target)
    except Exception as error:
        for variable, function in module.functions_items():
            if isinstance(function, tirx.PrimFunc):
                _require_compiled(str(variable.name_hint), function, target)
        raise InputError(f"TVM cannot compile the network: {last_line(error)}") from error


def _require_compiled(name: str, function: Any, target: Any) -> None:
    try:
        _built(tvm.IRModule({"main": function.with_attr("global_symbol", "main")}), target)
    except Exception as error:
        raise InputError(f"TVM cannot compile the layer {name!r}: {last_line(error)}") from error


def _built(module: tvm.IRModule, target: Any) -> Any:
    with target, tvm.transform.PassContext(opt_level=3):
        return tvm.compile(module, target)


def _scheduled(module: tvm.IRModule, target: Any) -> tvm.IRModule:
    functions = dict(module.functions_items())
    for variable, function in module.functions_items():
        if isinstance(function, tirx.PrimFunc):
            functions[variable] = _default(function, target)
    return tvm.IRModule(functions, attrs=module.attrs)


def _default(function: Any, target: Any) -> Any:
    """A layer with its default schedule; as TVM wrote it where it cannot be scheduled."""
    program = normalised(function)
    try:
        program = apply_default(program, target)
    except Exception:  # noqa: BLE001 - here it is its answers that count, and the loops give them
        program = normalised(function)
    return program["main"].without_attr("global_symbol")
